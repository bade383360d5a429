import CommunicationAPI
import Testing

@testable import Communication

@Suite struct AccountFaultTests {
    /// The health shows what a provider told late in the words of an outcome.
    @Test func itIsAnOutcomeByTheSameWord() {
        for fault in AccountFault.allCases { #expect(AccountFault(AttemptOutcome(rawValue: fault.rawValue)) == fault) }
        let others = AttemptOutcome.allCases.filter { AccountFault($0) == nil }
        #expect(others.count == AttemptOutcome.allCases.count - AccountFault.allCases.count)
        #expect(AccountFault(nil) == nil)
    }
}
