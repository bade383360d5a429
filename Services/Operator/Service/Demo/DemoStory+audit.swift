import Contracts
import Core
import FoundationEssentials

extension DemoStory {
    /// The auditor finds all of it, and proves the export offline.
    func audit(message: String, visit: Visit) async throws {
        chapter("The auditor checks the trail")
        try await leaveRefusals()
        let auditor = try await person(demo.auditor)
        let entries = try await eventually(within: .seconds(15)) {
            let entries = try await self.trail(by: auditor)
            try self.expectStory(in: entries, message: message, visit: visit)
            return entries
        }
        say(
            "\(entries.count) entries as NDJSON: login, configuration, message, booking, payment and every refusal are there"
        )
        try await exportAndVerify(by: auditor)
    }

    /// A refused login, a 403 and a 404 across clinics: each must leave an entry.
    private func leaveRefusals() async throws {
        try await api.expect(
            401,
            from: "POST",
            "/auth/login",
            ["email": .string(demo.admin.email), "password": "not the password"]
        )
        try await person(demo.patient).expect(403, from: "GET", "/billing/ledger/trial-balance")
        let stranger = try await api.signedIn(demo.secondClinic.admin, clinic: demo.clinicId)
        try await stranger.expect(404, from: "GET", "/doctors")
        say("a wrong password, a missing permission and a stranger's clinic: 401, 403, 404")
    }

    private func trail(by auditor: APIClient) async throws -> [JSONValue] {
        let answer = try await auditor.get("/audit/entries", headers: ["Accept": "application/x-ndjson"])
        return try answer.text.split(separator: "\n").map { try JSONTape(Array($0.utf8)).decode(JSONValue.self) }
    }

    private func expectStory(in entries: [JSONValue], message: String, visit: Visit) throws {
        func has(_ action: String, _ outcome: String = "succeeded", resource: String? = nil) -> Bool {
            entries.contains { entry in
                entry["action"]?.string?.hasPrefix(action) == true && entry["outcome"]?.string == outcome
                    && (resource == nil || entry["resource"]?["id"]?.string == resource)
            }
        }
        try check(has("access.auth.login"), "no login in the trail")
        try check(
            has("access.auth.login", "denied") || has("access.auth.login", "failed"),
            "no refused login in the trail"
        )
        try check(has("communication_config:update"), "no configuration change in the trail")
        try check(has("billing_config:update"), "no payment configuration in the trail")
        try check(has("messages:send", resource: message), "no message in the trail")
        try check(has("appointments:create", resource: visit.appointment), "no booking in the trail")
        try check(has("payments:create", resource: visit.payment), "no payment in the trail")
        try check(has("ledger:read", "denied"), "no 403 in the trail")
    }

    private func exportAndVerify(by auditor: APIClient) async throws {
        let made = try await auditor.expect(202, from: "POST", "/audit/exports", [:])
        let id = try made.json.text("id")
        try await eventually(within: .seconds(60)) {
            let status = try await auditor.get("/audit/exports/\(id)").json.text("status")
            try self.check(status == "ready", "the export is \(status)")
        }
        let bundle = try await auditor.get("/audit/exports/\(id)/content")
        let path = FileManager.default.temporaryDirectory.appending(path: "polyclinic-audit-\(id).tar").path()
        try Data(bundle.body).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        say("polyclinic audit verify: \(try await verify(path))")
    }
}
