import Authorization
import Contracts
import Core
import Operator
import Foundation
import TestKit
import Testing

extension SystemTests {
    /// Emergency access through the whole suite: gateway, service, row-level security, audit trail.
    @Suite struct BreakGlassTests {
        @Test(.timeLimit(.minutes(3))) func itOpensOneRecordForReadingUntilItEnds() async throws {
            let suite = try await RunningSuite.shared.value
            let doctor = try await suite.api.signedIn(suite.demo.doctor, clinic: suite.demo.clinicId)
            let admin = try await suite.admin()
            let (target, other) = (try await patient(by: admin), try await patient(by: admin))
            #expect(try await doctor.send("GET", "/patients/\(target)").status == 404)
            let draft: JSONValue = ["patientId": .string(target), "reason": "found unconscious", "minutes": 5]
            let started = try await doctor.send("POST", "/access/break-glass", draft)
            #expect(started.status == 201, "\(started.text)")
            let id = try #require(started.json["id"]?.string)
            // In force with the reply, for this record and for reading alone.
            let read = try await doctor.send("GET", "/patients/\(target)")
            #expect(read.status == 200, "\(read.text)")
            #expect(try await doctor.send("GET", "/patients/\(other)").status == 404)
            #expect(try await doctor.send("PATCH", "/patients/\(target)", ["name": "Changed"]).status == 404)
            try await eventually("the entry of the read", within: .seconds(30)) {
                let entries = try await admin.send(
                    "GET",
                    "/audit/entries?actor=\(try await userID(doctor))&action=patients:read"
                )
                guard case .array(let items) = entries.json["items"] else { return false }
                return items.contains { $0["breakGlassId"]?.string == id && $0["outcome"] == "succeeded" }
            }
            #expect(try await doctor.send("DELETE", "/access/break-glass/\(id)").status == 204)
            try await eventually("the end of it", within: .seconds(5)) {
                try await doctor.send("GET", "/patients/\(target)").status == 404
            }
        }

        private func patient(by admin: Client) async throws -> String {
            try await admin.expect(201, from: "POST", "/patients", ["name": "Somebody"]).json.text("id")
        }

        private func userID(_ client: Client) async throws -> String {
            try #require(try await client.send("GET", "/auth/me").json["user"]?["id"]?.string)
        }
    }
}
