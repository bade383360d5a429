import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// However many runs there are of a message, one alone calls its provider.
@Suite(.timeLimit(.minutes(3))) struct OneRunTests {
    private static let messages = 6

    private func draft(to address: String) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress(address)),
            content: MessageContent(subject: "Hello", text: "Your results are in."),
            sendAt: .now() + .seconds(3_600)
        )
    }

    @Test func twoJobsAtOnceAreOneCall() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            // The first call is under way while the second run comes to its own.
            try await sandbox.fault("slow", of: "smtp")
            var sent: [(id: MessageID, address: String)] = []
            for number in 0..<Self.messages {
                let address = "two\(number)x\(clinic.clinic.low)@example.com"
                sent.append((try await clinic.send(draft(to: address)), address))
            }
            let ids = sent.map(\.id)
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                for id in ids + ids { try Jobs.enqueue(SendMessageJob.self, payload: .init(message: id), in: tx) }
            }
            for (id, address) in sent {
                #expect(try await clinic.settled(id).attempts.map(\.outcome) == [.accepted])
                #expect(try await sandbox.received(for: address).count == 1)
            }
        }
    }

    /// Who opens an attempt must know the one before; the same opening written twice is still its run's.
    @Test func anOpeningFollowsTheLastOne() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let entry = try #require(try await clinic.configuredEntry())
        let id = try await clinic.send(draft(to: "opening@example.com"))
        func opening(after previous: AttemptOpening?, course: Int = 0) -> AttemptOpening {
            AttemptOpening(
                id: AttemptID(),
                previous: previous?.id,
                number: 1,
                message: id,
                course: course,
                entry: entry,
                at: .now(),
                heldUntil: .now(),
                writes: [],
                known: nil
            )
        }
        @Sendable func start(_ openings: AttemptOpening...) async throws -> Set<AttemptID> {
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                try MessageStore.startSending(openings, at: .now(), in: tx)
            }
        }
        let (first, rival) = (opening(after: nil), opening(after: nil))
        // Two runs in one transaction.
        let won = try await start(first, rival)
        #expect(won.count == 1)
        let (winner, loser) = won == [first.id] ? (first, rival) : (rival, first)
        #expect(try await start(winner) == [winner.id])
        #expect(try await start(loser) == [])
        #expect(try await start(opening(after: loser)) == [])
        #expect(try await start(opening(after: winner, course: 1)) == [])
        let next = opening(after: winner)
        #expect(try await start(next) == [next.id])
        #expect(try await start(winner) == [])
    }

    /// A run of a former course notes whom it has passed over, with a number that is a call's by then.
    @Test(arguments: [false, true]) func aCallIsNotedWhoeverWasPassedOverUnderItsNumber(isLater: Bool) async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let entry = try #require(try await clinic.configuredEntry())
        let id = try await clinic.send(draft(to: "skip@example.com"))
        let skip = PendingWrite.skipped(1, entry, .skippedCircuitOpen, detail: "Passed over.", at: .now())
        let taken = ProviderVerdict(.accepted, messageID: "taken-1")
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            if !isLater { try [skip].applyOwn(to: id, in: tx) }
        }
        // Written twice, as where nobody knows whether it was committed.
        for _ in 1...2 {
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                AttemptStore.open(1, of: id, with: entry, at: .now(), heldUntil: .now(), in: tx)
            }
        }
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            if isLater { try [skip].applyOwn(to: id, in: tx) }
        }
        let closing = PendingWrite.closed(1, entry, taken, latency: .zero, using: "test")
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            try [closing].applyOwn(to: id, in: tx)
        }
        let attempts = try await clinic.message(id).attempts
        #expect(attempts.map(\.outcome) == [.accepted] && attempts.map(\.providerMessageId) == ["taken-1"])
        #expect(attempts.first?.detail == nil)
    }
}

extension TestClinic {
    /// Has the jobs of all its messages be due now.
    func hurryJobs() async throws {
        try await desk.database.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            tx.execute(
                """
                update jobs set due_at = now()
                where clinic_id = clinic_id() and handler = \(SendMessageJob.name) and lease is null
                """
            )
            tx.execute(
                """
                insert into job_wakes (clinic_id, lane, due_at)
                values (clinic_id(), \(Int64(JobLane.normal.rawValue)), now())
                """
            )
        }
    }

    /// How many jobs its messages have.
    func jobCount() async throws -> Int64 {
        try await desk.database.inspect(
            "select count(*) from jobs where clinic_id = \(clinic) and handler = \(SendMessageJob.name)"
        ) { try $0[0][0] }
    }
}
