import Authorization
import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// A change of what somebody may do, seen from two gateways: none allows any more what was taken away two seconds ago.
    @Suite struct FreshnessTests {
        @Test(.timeLimit(.minutes(3))) func aChangeIsInForceAtEveryGateway() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let replica = Client(base: try await suite.startReplica("gateway") + "/api/v1")
            defer { suite.stopReplicas() }
            let clinic = "/clinics/\(suite.demo.clinicId)"
            func permissions(_ name: String) -> JSONValue {
                [["permission": .string(name), "scope": "clinic"]]
            }
            let role = try await admin.expect(
                201,
                from: "POST",
                clinic + "/roles",
                ["name": .string("Fresh \(RequestID())"), "permissions": permissions("users:read")]
            ).json.text("id")
            let key = try await admin.expect(
                201,
                from: "POST",
                clinic + "/api-keys",
                ["name": "Freshness", "role": .string(role)]
            ).json
            let machines = try [suite.api, replica].map { client in
                var machine = client
                machine.token = try key.text("key")
                return machine
            }
            func all(are status: Int) async throws {
                for machine in machines {
                    try await eventually("\(machine.base) answers \(status)", within: .seconds(30)) {
                        // A gateway that has just started may not listen yet.
                        (try? await machine.send("GET", clinic + "/users"))?.status == status
                    }
                }
            }
            func noneAllows() async throws {
                try await eventually("no gateway allows it", within: PolicyNews.goodFor) {
                    for machine in machines {
                        if try await machine.send("GET", clinic + "/users").status == 200 { return false }
                    }
                    return true
                }
            }
            try await all(are: 200)
            let path = clinic + "/roles/" + role
            try await admin.expect(200, from: "PATCH", path, ["permissions": permissions("locations:read")])
            try await noneAllows()
            try await all(are: 403)
            try await admin.expect(200, from: "PATCH", path, ["permissions": permissions("users:read")])
            try await all(are: 200)
            try await admin.expect(204, from: "DELETE", clinic + "/api-keys/" + (try key.text("id")))
            try await noneAllows()
            try await all(are: 401)
        }
    }
}
