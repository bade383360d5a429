import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import Resilience
import TestKit
import Testing

@testable import Communication

/// Circuits, with a clock that is put forward; one after the other, as it is everybody's clock.
@Suite(.serialized, .timeLimit(.minutes(3))) struct CircuitTests {
    private func address(_ clinic: TestClinic) -> String { "c\(clinic.clinic.low)@example.com" }

    /// Five messages in a row that the primary fails.
    private func fail(_ clinic: TestClinic) async throws {
        for _ in 0..<5 {
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.attempts.map(\.outcome) == [.transient, .accepted])
        }
    }

    @Test func opensAfterFiveIsPassedOverAndClosesWithTheNextMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("down", of: "zeptomail")
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            try await fail(clinic)
            let open = try #require(try await clinic.health().first)
            #expect(open.state == .open && open.reason == "transient" && open.retryAt != nil)
            #expect(open.successRate == 0 && open.lastError?.outcome == .transient)
            let skipped = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(skipped.attempts.map(\.outcome) == [.skippedCircuitOpen, .accepted])
            try await sandbox.fault(nil, of: "zeptomail")
            clinic.desk.clock.advance(.seconds(31))
            let probe = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(probe.attempts.map(\.outcome) == [.accepted])
            #expect(probe.attempts.map(\.provider) == ["zeptomail"])
            #expect(try await clinic.health().map(\.state) == [.closed, .closed])
            #expect(try await sandbox.received(for: address(clinic)).count == 7)
        }
    }

    /// What becomes of a message that may go by e-mail and by SMS.
    private func outcomes(_ clinic: TestClinic, _ phone: PhoneNumber?) async throws -> [AttemptOutcome?] {
        let draft = MessageDraft(
            to: RecipientDraft(email: EmailAddress(address(clinic)), phone: phone),
            channels: [.email, .sms],
            content: MessageContent(subject: "Your visit", text: "See you at 10:30")
        )
        return try await clinic.settled(try await clinic.send(draft)).attempts.map(\.outcome)
    }

    /// A channel whose providers are all open is tried by one message, before the next channel has its turn.
    @Test func eachChannelIsTriedOnceThoughAnotherOneWorks() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let phone = PhoneNumber("+4915\(Int.random(in: 100_000_000...999_999_999))")
            try await clinic.configure(
                email: [.zeptomail(SandboxPlace.nowhere)],
                sms: [.texts("twilio", at: sandbox.url("twilio"))]
            )
            for _ in 0..<5 { #expect(try await outcomes(clinic, phone) == [.transient, .accepted]) }
            #expect(try await outcomes(clinic, phone) == [.skippedCircuitOpen, .transient, .accepted])
            #expect(try await outcomes(clinic, phone) == [.skippedCircuitOpen, .accepted])
        }
    }

    /// Where all are open one message tries, but nobody whose cap for the day is used up.
    @Test func theLastResortGoesPastNoCap() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let phone = PhoneNumber("+4915\(Int.random(in: 100_000_000...999_999_999))")
            try await clinic.configure(
                email: [.zeptomail(SandboxPlace.nowhere), .sendgrid(SandboxPlace.nowhere)],
                sms: [.texts("twilio", at: sandbox.url("twilio"))],
                settings: CommunicationSettings(dailyCaps: ["zeptomail": 5])
            )
            for _ in 0..<5 { #expect(try await outcomes(clinic, phone) == [.transient, .transient, .accepted]) }
            let open: [AttemptOutcome?] = [.skippedCircuitOpen, .skippedCircuitOpen]
            // The one that has room is called; the other one is not, and takes nobody's turn.
            #expect(try await outcomes(clinic, phone) == open + [.skippedQuota, .transient, .accepted])
            #expect(try await outcomes(clinic, phone) == open + [.skippedQuota, .accepted])
            #expect(try await clinic.health().first?.rate.today == 5)
        }
    }

    /// What answers a check may still fail whatever it is sent: one message finds out, and the others are spared.
    @Test func aCheckThatIsAnsweredHasOneMessageTry() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("down", of: "zeptomail")
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            try await fail(clinic)
            let desk = clinic.desk
            #expect(!desk.sending.circuits.due().contains { $0.key.clinic == clinic.clinic })
            desk.clock.advance(.seconds(31))
            let (key, entry) = try #require(desk.sending.circuits.due().first { $0.key.clinic == clinic.clinic })
            // Still down: the check says so, and the circuit stays open for twice as long.
            try await desk.checks.check(key, entry)
            let still = try #require(try await clinic.health().first)
            #expect(still.state == .open && still.lastCheck != nil)
            try await sandbox.fault(nil, of: "zeptomail")
            desk.clock.advance(.seconds(61))
            try await desk.checks.check(key, entry)
            #expect(try await clinic.health().first?.state == .halfOpen)
            // The check has sent nothing.
            #expect(try await sandbox.received(for: address(clinic)).allSatisfy { $0.provider == "smtp" })
            func outcomes() async throws -> [AttemptOutcome?] {
                try await clinic.settled(try await clinic.send(to: address(clinic))).attempts.map(\.outcome)
            }
            try await sandbox.fault("down", of: "zeptomail")
            #expect(try await outcomes() == [.transient, .accepted])
            #expect(try await outcomes() == [.skippedCircuitOpen, .accepted])
            // For twice as long again as after the check that failed.
            desk.clock.advance(.seconds(61))
            #expect(try await outcomes() == [.skippedCircuitOpen, .accepted])
            try await sandbox.fault(nil, of: "zeptomail")
            desk.clock.advance(.seconds(61))
            try await desk.checks.check(key, entry)
            #expect(try await outcomes() == [.accepted])
            #expect(try await clinic.health().first?.state == .closed)
        }
    }

    @Test func aResetByHandClosesIt() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault("down", of: "zeptomail")
            try await clinic.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            try await fail(clinic)
            try await sandbox.fault(nil, of: "zeptomail")
            let entry = try #require(try await clinic.health().first)
            let path = ProviderEntryPath(clinicId: clinic.clinic, entryId: entry.entryId)
            let answer = try await clinic.ask(MessageDesk.endpoints.health.reset, path)
            #expect(answer.output?.state == .closed)
            let message = try await clinic.settled(try await clinic.send(to: address(clinic)))
            #expect(message.attempts.map(\.outcome) == [.accepted])
            let foreign = ProviderEntryPath(clinicId: clinic.clinic, entryId: ProviderEntryID())
            #expect(try await clinic.ask(MessageDesk.endpoints.health.reset, foreign).status == 404)
        }
    }

    /// Taken out and put in again with the same credentials, an entry is another one, whose resets are counted from the beginning.
    @Test func aResetByHandHoldsForWhatIsConfiguredAnew() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let wrong = ProviderDraft.zeptomail(sandbox.zeptomail, token: "wrong-token-0003")
            let right = ProviderDraft.smtp(port: sandbox.smtpPort)
            func outcomes() async throws -> [AttemptOutcome?] {
                try await clinic.settled(try await clinic.send(to: address(clinic))).attempts.map(\.outcome)
            }
            func reset() async throws -> ProviderEntryID {
                let entry = try #require(try await clinic.health().first { $0.provider == "zeptomail" }?.entryId)
                let path = ProviderEntryPath(clinicId: clinic.clinic, entryId: entry)
                #expect(try await clinic.ask(MessageDesk.endpoints.health.reset, path).output?.state == .closed)
                return entry
            }
            try await clinic.configure(wrong, right)
            #expect(try await outcomes() == [.credentials, .accepted])
            #expect(try await outcomes() == [.skippedCircuitOpen, .accepted])
            let before = try await reset()
            #expect(try await outcomes() == [.credentials, .accepted])
            try await clinic.configure(right)
            try await clinic.configure(wrong, right)
            #expect(try await outcomes() == [.skippedCircuitOpen, .accepted])
            #expect(try await reset() != before)
            #expect(try await outcomes() == [.credentials, .accepted])
        }
    }

    /// Two processes: what one was refused for a moment does not keep it from a provider that takes the other's messages.
    @Test func aLatchEndsWhereAnotherProcessIsLetIn() throws {
        let (clock, clinic) = (OffsetClock(), ClinicID())
        let entry = ProviderEntry(
            id: ProviderEntryID(),
            channel: "email",
            provider: "zeptomail",
            position: 0,
            credentials: Credentials([:]),
            version: 1,
            updatedAt: .now(),
            updatedBy: "test",
            fingerprint: "f",
            formerSecrets: []
        )
        let books = (0..<2).map { _ in
            ProviderCircuits(policy: CircuitBreakerPolicy(jitter: 0), providers: .builtIn, now: { clock.now })
        }
        func isLetIn(_ book: ProviderCircuits) -> Bool {
            guard case .admitted(let permit) = book.admit(clinic, entry) else { return false }
            book.giveBack(permit, clinic, entry)
            return true
        }
        func published(_ state: CircuitView.State) -> PublishedCircuit {
            let view = CircuitView(state: state, since: clock.now, reason: nil, retryAt: nil)
            return PublishedCircuit(entry: entry.id, fingerprint: "f", view: view, resets: 0)
        }
        let before = published(.closed)
        clock.advance(.seconds(1))
        guard case .admitted(let permit) = books[0].admit(clinic, entry) else {
            Issue.record("a closed circuit lets nobody in")
            return
        }
        let refused = ProviderVerdict(.credentials, code: "401", detail: "The key is not known.")
        let latched = try #require(books[0].settle(permit, refused, clinic, entry).entry)
        #expect(latched.state == .latched && !isLetIn(books[0]))
        // What was told before says nothing, and the other process takes the latch over.
        books[0].follow(before, clinic, entry)
        #expect(!isLetIn(books[0]))
        clock.advance(.seconds(1))
        books[0].follow(published(.latched), clinic, entry)
        books[1].follow(published(.latched), clinic, entry)
        #expect(!isLetIn(books[0]) && !isLetIn(books[1]))
        // A message that was on its way then has been taken.
        clock.advance(.seconds(1))
        for book in books { book.follow(published(.closed), clinic, entry) }
        #expect(isLetIn(books[0]) && isLetIn(books[1]))
    }

    @Test func oneClinicsTroubleIsNotAnothers() async throws {
        try await SandboxPlace.with { sandbox in
            let troubled = try TestClinic()
            let well = try TestClinic()
            try await troubled.configure(.zeptomail(SandboxPlace.nowhere), .smtp(port: sandbox.smtpPort))
            try await well.configure(.zeptomail(sandbox.zeptomail), .smtp(port: sandbox.smtpPort))
            try await fail(troubled)
            #expect(try await troubled.health().first?.state == .open)
            let message = try await well.settled(try await well.send(to: address(well)))
            #expect(message.attempts.map(\.outcome) == [.accepted])
            #expect(try await well.health().first?.state == .closed)
            #expect(try await sandbox.received(for: address(well)).map(\.provider) == ["zeptomail"])
        }
    }
}
