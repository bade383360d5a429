import Core
import Operator
import Redis
import TestKit
import Testing

extension SystemTests {
    /// After each fault everything accepted has happened once, nothing is left over, and nobody lent a hand.
    @Suite struct FaultTests {
        @Test(.timeLimit(.minutes(6)), arguments: ["gateway", "access", "communication", "appointments", "billing"])
        func aKilledProcess(name: String) async throws {
            let suite = try await RunningSuite.shared.value
            let accepted = try await Load(suite).run {
                try await suite.killProcess(name)
                try await suite.killProcess(name)
            }
            try await Ledger(suite: suite).check(accepted, mayBeUnknown: name == "communication")
        }

        @Test(.timeLimit(.minutes(6))) func redisKilledAndStartedAgain() async throws {
            let suite = try await RunningSuite.shared.value
            let accepted = try await Load(suite).run { try suite.restartRedis() }
            try await Ledger(suite: suite).check(accepted, mayBeUnknown: false)
        }

        @Test(.timeLimit(.minutes(6))) func redisWiped() async throws {
            let suite = try await RunningSuite.shared.value
            let accepted = try await Load(suite).run {
                try await suite.withRedis { redis in
                    for _ in 0..<3 { _ = try await redis.send(["FLUSHALL"]) }
                }
            }
            try await Ledger(suite: suite).check(accepted, mayBeUnknown: false)
        }

        @Test(.timeLimit(.minutes(6))) func postgresKilledAndStartedAgain() async throws {
            let suite = try await RunningSuite.shared.value
            let accepted = try await Load(suite).run { try suite.restartPostgres() }
            // A provider's reply that could not be recorded is an outcome nobody knows.
            try await Ledger(suite: suite).check(accepted, mayBeUnknown: true)
        }

        @Test(.timeLimit(.minutes(6))) func twoReplicasOfEveryService() async throws {
            let suite = try await RunningSuite.shared.value
            defer { suite.stopReplicas() }
            for name in ServiceName.allCases.map(\.rawValue) { try await suite.startReplica(name) }
            let accepted = try await Load(suite).run {
                for name in ["appointments", "billing"] { try await suite.killProcess(name) }
            }
            try await Ledger(suite: suite).check(accepted, mayBeUnknown: false)
        }
    }
}
