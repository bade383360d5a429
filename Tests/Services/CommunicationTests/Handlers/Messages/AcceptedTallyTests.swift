import CommunicationAPI
import Core
import Telemetry
import TestKit
import Testing

@testable import Communication

/// What is accepted is counted by channel, whoever asked for it.
@Suite(.timeLimit(.minutes(1))) struct AcceptedTallyTests {
    /// Messages accepted in this process, of any clinic.
    private var counted: Int {
        let name = "\(MetricName.messagesAccepted.rawValue){channel=\"email\"} "
        let line = Telemetry.metrics.exposition().split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.dropFirst(name.count)) } ?? 0
    }

    @Test func acceptedMessagesAreCounted() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let before = counted
        for _ in 0..<3 { _ = try await clinic.send() }
        // Other tests send meanwhile.
        #expect(counted >= before + 3)
    }

    @Test func whatWasUndoneIsNotTold() {
        let tally = AcceptedTally()
        for _ in 0..<5 { tally.note(.push) }
        tally.begin()
        for _ in 0..<2 { tally.note(.push) }
        #expect(tally.noted == [.push: 2])
    }
}
