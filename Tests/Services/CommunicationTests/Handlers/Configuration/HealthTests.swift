import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication

/// What a clinic is shown of its providers beside their circuits.
@Suite(.timeLimit(.minutes(2))) struct HealthTests {
    /// Rates are the clinic's own, else the provider's usual ones; of a capped day is shown what it has had.
    @Test func ratesAndWhatADayHasHadAreShown() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            try await clinic.configure(
                email: [.smtp(port: sandbox.smtpPort), .zeptomail(sandbox.zeptomail)],
                settings: CommunicationSettings(rates: ["zeptomail": 0.5], dailyCaps: ["smtp": 40])
            )
            try await other.configure(.smtp(port: sandbox.smtpPort))
            for _ in 0..<2 { #expect(try await clinic.settled(try await clinic.send()).status == .sent) }
            let rates = try await clinic.health().map(\.rate)
            #expect(
                rates == [
                    EntryHealth.Rate(perSecond: SMTPProvider.usualRate, dailyCap: 40, today: 2),
                    EntryHealth.Rate(perSecond: 0.5),
                ]
            )
            #expect(try await other.health().map(\.rate) == [EntryHealth.Rate(perSecond: SMTPProvider.usualRate)])
        }
    }
}
