import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import Resilience
import TestKit
import Testing

@testable import Communication

/// Messages shift between the providers of a channel by how each does, and come back; with circuits that stay closed, so that
/// nothing else moves them, and a clock that is put forward.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ShareTests {
    private static let desk = Result {
        try MessageDesk(
            apart: "_shares",
            circuits: CircuitBreakerPolicy(consecutiveFailures: .max, failureRatio: 2, jitter: 0)
        )
    }

    /// A new clinic, ZeptoMail before its mail server.
    private func clinic(_ sandbox: SandboxPlace, settings: CommunicationSettings? = nil) async throws -> TestClinic {
        let clinic = TestClinic(at: try Self.desk.get())
        try await clinic.configure(
            email: [.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort)],
            settings: settings
        )
        return clinic
    }

    private func address(_ clinic: TestClinic) -> String { "share\(clinic.clinic.low)@example.com" }

    /// So many messages at once, when each has come to its end.
    private func send(_ count: Int, from clinic: TestClinic) async throws -> [Message] {
        var ids: [MessageID] = []
        for _ in 0..<count { ids.append(try await clinic.send(to: address(clinic))) }
        var messages: [Message] = []
        for id in ids { messages.append(try await clinic.settled(id)) }
        return messages
    }

    /// Receipts of the primary's that took ten minutes each, as they come in; of so many messages as say something.
    private func tellLate(_ clinic: TestClinic) async throws {
        let primary = try #require(try await clinic.configuredEntry())
        for message in try await send(TrafficShareRules.minimumReceipts, from: clinic) {
            #expect(message.attempts.map(\.provider) == ["zeptomail"])
            try await clinic.tell(.delivered, of: message.id, through: primary, at: .now() + .seconds(600))
        }
    }

    @Test func whoFailsLosesSomeAndHasThemBackWhenItIsWell() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            #expect(try await clinic.health().map(\.share) == [1, 0])
            try await sandbox.fault("down", of: "zeptomail", rate: 0.5)
            var messages = try await send(40, from: clinic)
            let shares = try await clinic.health().map(\.share)
            #expect(
                shares[0] >= TrafficShareRules.floor && shares[0] < 1 - TrafficShareRules.toleratedFailures,
                "\(shares)"
            )
            #expect(abs(shares[0] + shares[1] - 1) < 0.01)
            let shifted = try await send(60, from: clinic)
            #expect(Set(shifted.compactMap { $0.attempts.first?.provider }) == ["zeptomail", "smtp"])
            try await sandbox.fault(nil, of: "zeptomail")
            clinic.desk.clock.advance(CircuitBreakerPolicy().window)
            #expect(try await clinic.health().map(\.share) == [1, 0])
            let back = try await send(20, from: clinic)
            #expect(back.allSatisfy { $0.attempts.map(\.provider) == ["zeptomail"] })
            // Whatever way they went, each arrived, and once.
            messages += shifted + back
            #expect(messages.allSatisfy { $0.status == .sent && $0.attempts.last?.outcome == .accepted })
            #expect(messages.allSatisfy { Set($0.attempts.map(\.provider)).count == $0.attempts.count })
            #expect(try await sandbox.received(for: address(clinic)).count == messages.count)
        }
    }

    @Test func whoseReceiptsComeLateKeepsAFewUntilTheyAreForgotten() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            try await tellLate(clinic)
            let health = try await clinic.health()
            #expect(health.map(\.share) == [TrafficShareRules.floor, 1 - TrafficShareRules.floor])
            #expect(health[0].receiptP50Milliseconds ?? 0 >= 590_000 && health[1].receiptP50Milliseconds == nil)
            for message in try await send(30, from: clinic) {
                let place = TrafficShareRules.place(of: message.id, among: health.map(\.share))
                #expect(message.attempts.map(\.provider) == [place == 0 ? "zeptomail" : "smtp"])
            }
            clinic.desk.clock.advance(TrafficShareRules.receiptWindow)
            #expect(try await clinic.health().map(\.share) == [1, 0])
            let back = try await send(20, from: clinic)
            #expect(back.allSatisfy { $0.attempts.map(\.provider) == ["zeptomail"] })
        }
    }

    /// At the same host, with the same credentials.
    @Test func oneClinicsProviderIsNotAnothers() async throws {
        try await SandboxPlace.with { sandbox in
            let (troubled, well) = (try await clinic(sandbox), try await clinic(sandbox))
            try await tellLate(troubled)
            #expect(try await troubled.health().first?.share == TrafficShareRules.floor)
            #expect(try await well.health().map(\.share) == [1, 0])
            let messages = try await send(20, from: well)
            #expect(messages.allSatisfy { $0.attempts.map(\.provider) == ["zeptomail"] })
        }
    }

    /// A message does not wait for the fallback's rate while the primary may still be asked.
    @Test func whoHasNoRoomIsNotWaitedForBeforeItsTurn() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox, settings: CommunicationSettings(rates: ["smtp": 0.01]))
            try await tellLate(clinic)
            let messages = try await send(20, from: clinic)
            #expect(messages.allSatisfy { $0.status == .sent && $0.attempts.count == 1 })
            #expect(messages.count { $0.attempts.first?.provider == "smtp" } == 3)
        }
    }

    /// A conversation by WhatsApp is open with one number; by text it may be another's.
    @Test(arguments: [MessageChannel.whatsapp, .sms]) func aConversationStaysWithItsNumber(channel: MessageChannel)
        throws
    {
        let desk = try Self.desk.get()
        let clinic = ClinicID()
        let entries = (0..<2).map { number in
            ProviderEntry(
                id: ProviderEntryID(),
                channel: channel.rawValue,
                provider: "twilio",
                position: number,
                credentials: Credentials([:]),
                version: 1,
                updatedAt: .now(),
                updatedBy: "test",
                fingerprint: "\(number)",
                formerSecrets: []
            )
        }
        for number in 0..<20 {
            guard case .admitted(let permit) = desk.sending.circuits.admit(clinic, entries[0]) else {
                Issue.record("a closed circuit lets nobody in")
                return
            }
            let verdict = ProviderVerdict(number % 2 == 0 ? .transient : .badRecipient)
            _ = desk.sending.circuits.settle(permit, verdict, clinic, entries[0])
        }
        let shares = desk.sending.shares.shares(clinic, entries) { _ in true }
        #expect(shares == (channel == .whatsapp ? [1, 0] : [0.5, 0.5]))
    }
}
