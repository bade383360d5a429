import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    @Suite struct RaceTests {
        static let callers = 500

        @Test(.timeLimit(.minutes(3))) func oneSlotIsGivenOutOnce() async throws {
            let suite = try await RunningSuite.shared.value
            let desk = try await suite.receptionist()
            let service = try await suite.shortVisit(by: desk)
            let start = try await suite.freeSlots(1, service: service, by: desk)[0]
            let booking = suite.booking(start, service: service)
            let statuses = try await withThrowingTaskGroup(of: (Int, JSONValue).self) { tasks in
                for _ in 0..<Self.callers {
                    tasks.addTask {
                        let answer = try await desk.send("POST", "/appointments", booking)
                        return (answer.status, answer.json)
                    }
                }
                return try await tasks.reduce(into: [Int: Int]()) { counts, answer in
                    counts[answer.0, default: 0] += 1
                    if answer.0 == 409 { #expect(answer.1["code"] == "slot_taken") }
                }
            }
            #expect(statuses == [201: 1, 409: Self.callers - 1])
        }

        @Test(.timeLimit(.minutes(2))) func aRevokedRoleIsRefusedByAnotherGatewayWithinTwoSeconds() async throws {
            let suite = try await RunningSuite.shared.value
            let replica = try await suite.startReplica("gateway")
            defer { suite.stopReplicas() }
            let admin = try await suite.admin()
            let email = "temp-\(RequestID())@sunrise.example"
            let made = try await admin.expect(
                201,
                from: "POST",
                "/clinics/\(suite.demo.clinicId)/users",
                ["email": .string(email), "name": "Temp", "roles": [["role": "RECEPTIONIST"]]]
            )
            let token = try (made.json["invitation"] ?? .null).text("token")
            let person = DemoFile.Person(email: email, password: "a long enough password")
            try await suite.api.expect(
                200,
                from: "POST",
                "/auth/invitations/accept",
                ["token": .string(token), "password": .string(person.password)]
            )
            var there = try await suite.api.signedIn(person, clinic: suite.demo.clinicId)
            there.base = replica + "/api/v1"
            let other = there
            try await eventually("the other gateway lets them in") {
                (try? await other.send("GET", "/doctors").status) == 200
            }
            let user = try (made.json["user"] ?? made.json).text("id")
            try await admin.expect(200, 204, from: "DELETE", "/clinics/\(suite.demo.clinicId)/users/\(user)")
            let revoked = ContinuousClock.now
            try await eventually("the other gateway refuses them", within: .seconds(5)) {
                try await [401, 403, 404].contains(other.send("GET", "/doctors").status)
            }
            #expect(ContinuousClock.now - revoked < .seconds(2))
        }
    }
}
