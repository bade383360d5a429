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
        /// How many of the flood may start before another clinic's message does.
        static let patience = 100

        /// Neither what is urgent, which has a lane of its own, nor what is in the same lane and takes turns with the flood.
        @Test(.timeLimit(.minutes(10))) func aFloodOfOneClinicDoesNotHoldUpAnother() async throws {
            let suite = try await RunningSuite.shared.value
            let quiet = try await suite.api.signedIn(
                suite.demo.secondClinic.admin,
                clinic: suite.demo.secondClinic.clinicId
            )
            try await suite.configureMail(of: suite.demo.secondClinic.clinicId, by: quiet)
            let admin = try await suite.admin()
            // Slow calls let the flood pile up.
            let others = try await suite.withFault(of: "zeptomail", ["kind": "slow", "delayMs": 300]) {
                try await flood(by: admin)
                async let bulk = accepted("bulk", by: quiet)
                async let critical = accepted("critical", by: quiet)
                let ids = try await [bulk, critical]
                for id in ids {
                    try await eventually("the other clinic's message is sent", within: .seconds(60)) {
                        let message = try await quiet.expect(200, from: "GET", "/communication/messages/\(id)").json
                        return message["status"] == "sent" || message["status"] == "delivered"
                    }
                }
                return ids
            }
            for id in others {
                #expect(try await waiting(suite, beside: id) > Self.patience, "there was no flood to hold it up")
                let started = try await startedBetween(suite, beside: id)
                #expect(started < Self.patience, "\(started) of the flood started first")
            }
            try await eventually("the flood is over", within: .seconds(400)) {
                let left = try await Ledger(suite: suite).rows(
                    .communication,
                    "select id::text, status from messages where status in ('queued', 'sending')"
                )
                return left.isEmpty
            }
        }

        private func flood(by admin: Client) async throws {
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
        }

        /// A message of the clinic without a flood; gives its id.
        private func accepted(_ priority: String, by client: Client) async throws -> String {
            let body = RunningSuite.message("Beside a flood", priority: priority)
            return try await client.expect(202, from: "POST", "/communication/messages", body).json.text("id")
        }

        /// Messages of other clinics that had not been started when a message was accepted.
        private func waiting(_ suite: RunningSuite, beside id: String) async throws -> Int {
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
        private func startedBetween(_ suite: RunningSuite, beside id: String) async throws -> Int {
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
