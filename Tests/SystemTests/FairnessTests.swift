import Contracts
import Core
import Operator
import FoundationEssentials
import Postgres
import TestKit
import Testing

extension SystemTests {
    @Suite struct FairnessTests {
        /// Bulk messages of one clinic; `POLYCLINIC_FLOOD_COUNT` sets it, 10000 is the full measure.
        static let flood =
            ProcessInfo.processInfo.environment["POLYCLINIC_FLOOD_COUNT"].flatMap { Int($0) } ?? 1_000
        /// How many of the flood may start before another clinic's critical message does.
        static let patience = 100

        @Test(.timeLimit(.minutes(10))) func aFloodOfOneClinicDoesNotHoldUpAnother() async throws {
            let suite = try await RunningSuite.shared.value
            let quiet = try await suite.api.signedIn(
                suite.demo.secondClinic.admin,
                clinic: suite.demo.secondClinic.clinicId
            )
            try await suite.configureMail(of: suite.demo.secondClinic.clinicId, by: quiet)
            let admin = try await suite.admin()
            // Slow calls let the flood pile up.
            try await suite.sandbox.expect(
                200,
                201,
                204,
                from: "PUT",
                "/faults/zeptomail",
                ["kind": "slow", "delayMs": 300]
            )
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for caller in 0..<16 {
                    tasks.addTask {
                        for number in stride(from: caller, to: Self.flood, by: 16) {
                            let body = RunningSuite.message("Flood \(number)", priority: "bulk")
                            try await admin.expect(202, from: "POST", "/communication/messages", body)
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            let urgent = try await quiet.expect(
                202,
                from: "POST",
                "/communication/messages",
                RunningSuite.message("Urgent", priority: "critical")
            )
            let id = try urgent.json.text("id")
            try await eventually("the critical message is sent", within: .seconds(60)) {
                let message = try await quiet.expect(200, from: "GET", "/communication/messages/\(id)").json
                return message["status"] == "sent" || message["status"] == "delivered"
            }
            try await suite.sandbox.expect(200, 204, from: "DELETE", "/faults/zeptomail")
            #expect(try await waiting(suite, urgent: id) > Self.patience, "there was no flood to hold it up")
            let started = try await startedBetween(suite, urgent: id)
            #expect(started < Self.patience, "\(started) of the flood started first")
            try await eventually("the flood is over", within: .seconds(400)) {
                let left = try await Ledger(suite: suite).rows(
                    .communication,
                    "select id::text, status from messages where status in ('queued', 'sending')"
                )
                return left.isEmpty
            }
        }

        /// Messages of other clinics that had not been started when a message was accepted.
        private func waiting(_ suite: RunningSuite, urgent id: String) async throws -> Int {
            let message = try #require(MessageID(id))
            let rows = try await Ledger(suite: suite).rows(
                .communication,
                """
                select count(*)::text, '' from messages f, messages m
                where m.id = \(message) and f.clinic_id <> m.clinic_id and f.priority = 'bulk'
                    and f.created_at < m.created_at and not exists (select from message_attempts a
                        where a.message_id = f.id and a.started_at < m.created_at)
                """
            )
            return rows.first.flatMap { Int($0.0) } ?? 0
        }

        /// Attempts of other clinics begun between the acceptance of a message and its own first attempt.
        private func startedBetween(_ suite: RunningSuite, urgent id: String) async throws -> Int {
            let message = try #require(MessageID(id))
            let rows = try await Ledger(suite: suite).rows(
                .communication,
                """
                select count(*)::text, '' from message_attempts a, messages m,
                    lateral (select min(started_at) as at from message_attempts where message_id = m.id) first
                where m.id = \(message) and a.clinic_id <> m.clinic_id and a.started_at > m.created_at
                    and a.started_at < first.at
                """
            )
            return rows.first.flatMap { Int($0.0) } ?? 0
        }
    }
}
