import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// What goes through a fallback comes back to the primary provider when that is well again, in every process.
    @Suite struct DriftTests {
        private static let crowd = 60

        @Test(.timeLimit(.minutes(6))) func twoReplicasReturnToThePrimary() async throws {
            let suite = try await RunningSuite.shared.value
            try await suite.startReplica("communication")
            defer { suite.stopReplicas() }
            let admin = try await suite.admin()
            let away = try await suite.withFault(of: "zeptomail", ["kind": "down"]) {
                // The first ones open the circuits.
                _ = try await ways(Self.crowd / 2, by: admin)
                return try await ways(Self.crowd, by: admin)
            }
            #expect(away.allSatisfy { $0.last == "smtp accepted" })
            #expect(away.contains { $0.first == "zeptomail skipped_circuit_open" }, "no circuit opened")
            // Circuits are tried again without anybody's help, and then nothing keeps to the fallback.
            try await eventually("everything goes through the primary", within: .seconds(150)) {
                // So many that every replica has its part of them.
                try await ways(Self.crowd, by: admin).allSatisfy { $0 == ["zeptomail accepted"] }
            }
        }

        /// Which way each of some messages took that are sent at once: provider and outcome of every attempt.
        private func ways(_ count: Int, by client: Client) async throws -> [[String]] {
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<count {
                    group.addTask {
                        let body = RunningSuite.message("Drift \(number)")
                        return try await client.expect(202, from: "POST", "/communication/messages", body).json.text(
                            "id"
                        )
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            var ways: [[String]] = []
            for id in ids {
                ways.append(
                    try await eventually("the message is sent", within: .seconds(60)) {
                        let message = try await client.expect(200, from: "GET", "/communication/messages/\(id)").json
                        guard ["sent", "delivered"].contains(message["status"]?.string),
                            case .array(let attempts)? = message["attempts"]
                        else {
                            return nil
                        }
                        return attempts.map {
                            "\($0["provider"]?.string ?? "") \($0["outcome"]?.string ?? "")"
                        }
                    }
                )
            }
            return ways
        }
    }
}
