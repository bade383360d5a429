import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// Entries as others read them: FHIR, a patient, and a database that looks for few among many.
@Suite(.timeLimit(.minutes(5))) struct AuditReadingTests {
    let desk: AccessDesk
    private let endpoints = AuditEndpoints()

    init() throws { desk = try AccessDesk() }

    private func clinic() async throws -> (id: ClinicID, admin: AccessDesk.Person) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        return (clinic, try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root))
    }

    private func log(_ clinic: ClinicID, _ records: [AuditRecord]) async throws {
        try await desk.append(records, to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
    }

    // MARK: - FHIR

    /// Of AuditEvent in FHIR R4: elements that must be there, and codes that a required binding allows.
    private func check(_ event: JSONValue) {
        #expect(event["resourceType"] == "AuditEvent")
        #expect(event["type"]?["system"]?.string == "http://terminology.hl7.org/CodeSystem/audit-event-type")
        #expect(event["type"]?["code"] == "rest")
        #expect(["C", "R", "U", "D", "E"].contains(event["action"]?.string ?? ""))
        #expect(["0", "4", "8", "12"].contains(event["outcome"]?.string ?? ""))
        #expect(event["recorded"]?.string.flatMap { Instant(rfc3339: $0) } != nil)
        #expect(event["source"]?["observer"] != nil)
        guard case .array(let agents) = event["agent"], case .array(let entities) = event["entity"] else {
            Issue.record("no agents or no entities")
            return
        }
        #expect(agents.count == 3)
        #expect(agents.filter { $0["requestor"] == true }.count == 1)
        for agent in agents {
            guard case .bool = agent["requestor"] else {
                Issue.record("an agent does not say whether it asked")
                continue
            }
            #expect(agent["who"] != nil && agent["type"]?["coding"] != nil)
            if let network = agent["network"] { #expect(network["type"] == "2" && network["address"] != nil) }
        }
        #expect(entities.count >= 2)
        for entity in entities { #expect(entity["what"] != nil && entity["type"]?["code"] != nil) }
    }

    @Test(
        arguments: [
            ("patients:read", "R", "PatientRead"), ("appointments:create", "C", "PatientCreate"),
            ("patients:update", "U", "PatientUpdate"), ("patients:delete", "D", "PatientDelete"),
            ("access.auth.login", "E", nil),
        ] as [(String, String, String?)]
    )
    func anEntryIsAnAuditEvent(_ action: String, _ code: String, _ profile: String?) async throws {
        var record = desk.record(in: ClinicID(), action: action)
        record.patientId = PatientID()
        record.outcome = .denied
        record.reason = "forbidden"
        let event = FHIRAuditEvent.event(record)
        check(event)
        #expect(event["action"]?.string == code)
        #expect(event["outcome"] == "8" && event["outcomeDesc"] == "forbidden")
        let named = event["meta"]?["profile"]
        let base = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
        #expect(named == profile.map { .array([.string(base + $0)]) })
        // The profiles for patients ask for the patient and another entity.
        guard case .array(let entities) = event["entity"] else { return }
        let patients = entities.filter { $0["role"]?["code"] == "1" }
        #expect(patients.map { $0["what"]?["reference"]?.string } == ["Patient/\(try #require(record.patientId))"])
    }

    @Test(
        arguments: [
            (nil, []), ("", []), ("template=7", ["template=7"]),
            (
                "credentials=3f2a90 template=appointment_reminder/2",
                ["credentials=3f2a90", "template=appointment_reminder/2"]
            ),
        ] as [(String?, [String])]
    )
    func whatItWasDoneWithIsADetail(_ using: String?, _ expected: [String]) throws {
        var record = desk.record(in: ClinicID(), action: "messages:send")
        record.using = using
        let event = FHIRAuditEvent.event(record)
        check(event)
        guard case .array(let entities) = event["entity"] else { return }
        let details = entities.flatMap { entity -> [JSONValue] in
            if case .array(let list) = entity["detail"] { list } else { [] }
        }
        #expect(
            details.map { "\($0["type"]?.string ?? "")=\($0["valueString"]?.string ?? "")" } == expected
        )
        // An empty list would be no FHIR.
        #expect(entities.allSatisfy { $0["detail"] != [] })
    }

    @Test func entriesComeAsFHIRPageByPageAndAsLines() async throws {
        let (clinic, auditor) = try await clinic()
        try await log(clinic, (0..<5).map { _ in desk.record(in: clinic, action: "patients:read") })
        let size = Int(try await desk.size(of: clinic))
        let pulled = try await desk.pull(
            endpoints.entries,
            AuditQuery(),
            as: auditor,
            in: clinic,
            accept: "application/fhir+ndjson"
        )
        #expect(pulled.first.contentType == "application/fhir+ndjson")
        let lines = pulled.bytes.split(separator: 10)
        #expect(lines.count == size)
        for line in lines { check(try JSONTape(Array(line)).decode(JSONValue.self)) }
        var query = AuditQuery()
        query.action = "patients:read"
        query.limit = 3
        let reply = try await desk.call(
            endpoints.entries,
            query,
            as: auditor,
            in: clinic,
            accept: "application/fhir+json"
        )
        #expect(reply.contentType == "application/fhir+json")
        let bundle = try JSONTape(reply.body).decode(JSONValue.self)
        #expect(bundle["resourceType"] == "Bundle" && bundle["type"] == "searchset")
        guard case .array(let entries) = bundle["entry"], case .array(let links) = bundle["link"] else {
            Issue.record("no entries or no link")
            return
        }
        #expect(entries.count == 3)
        for entry in entries { check(try #require(entry["resource"])) }
        #expect(links.first?["relation"] == "next")
        let next = try #require(links.first?["url"]?.string)
        #expect(next.hasPrefix("https://test.example/api/v1/audit/entries?action=patients%3Aread&cursor="))
    }

    @Test func aPageMayBeginWithTheNewest() async throws {
        let (clinic, auditor) = try await clinic()
        try await log(clinic, (0..<5).map { _ in desk.record(in: clinic, action: "patients:read") })
        var query = AuditQuery()
        query.action = "patients:read"
        let forward = try await desk.ask(endpoints.entries, query, as: auditor, in: clinic).items.map(\.seq)
        query.sort = .newestFirst
        query.limit = 3
        let first = try await desk.ask(endpoints.entries, query, as: auditor, in: clinic)
        query.cursor = first.nextCursor
        let second = try await desk.ask(endpoints.entries, query, as: auditor, in: clinic)
        #expect(forward.count == 5 && (first.items + second.items).map(\.seq) == forward.reversed())
        #expect(second.nextCursor == nil)
        query.sort = nil
        #expect(try await desk.call(endpoints.entries, query, as: auditor, in: clinic).status == 422)
        // A stream has the order of the log, whose proofs are held against it.
        var whole = AuditQuery()
        whole.sort = .newestFirst
        let refused = try await desk.call(endpoints.entries, whole, as: auditor, in: clinic, accept: "text/csv")
        #expect(
            refused.status == 422 && String(decoding: refused.body, as: UTF8.self).contains("\"parameter\":\"sort\"")
        )
    }

    // MARK: - A patient's own report

    @Test func aPatientSeesWhoLookedAndNotFromWhere() async throws {
        let root = try await desk.superAdmin()
        let (clinic, _) = try await clinic()
        let patient = try await desk.member(["PATIENT"], of: clinic, by: root)
        let own = PatientID()
        try desk.tamper(
            "update access.memberships set patient_id = '\(own)' where clinic_id = '\(clinic)' and user_id = '\(patient.id)';"
                + "update access.policy_version set version = version + 1;"
                + "update access.users set policy_version = (select version from access.policy_version) where id = '\(patient.id)'"
        )
        var records = (0..<3).map { _ in desk.record(in: clinic, action: "patients:read") }
        for index in records.indices { records[index].patientId = own }
        var others = desk.record(in: clinic, action: "patients:update")
        others.patientId = PatientID()
        try await log(clinic, records + [others])
        let first = try await desk.call(
            endpoints.patientAccess,
            PatientAccessQuery(limit: 2),
            as: patient,
            in: clinic
        )
        let text = String(decoding: first.body, as: UTF8.self)
        #expect(first.status == 200 && !text.contains("192.0.2.1") && !text.contains("userAgent"))
        let page = try JSONTape(first.body).decode(Page<PatientAccess>.self)
        #expect(page.items.map(\.actor.id) == records.reversed().prefix(2).map(\.actor.id))
        #expect(page.items.allSatisfy { $0.action == "patients:read" && $0.actor.roles == ["DOCTOR"] })
        let rest = try await desk.ask(
            endpoints.patientAccess,
            PatientAccessQuery(limit: 2, cursor: page.nextCursor),
            as: patient,
            in: clinic
        )
        #expect(rest.items.map(\.actor.id) == [records[0].actor.id])
        #expect(rest.nextCursor == nil)
        var oldest: [String] = []
        var cursor: String?
        repeat {
            let query = PatientAccessQuery(sort: .oldestFirst, limit: 2, cursor: cursor)
            let page = try await desk.ask(endpoints.patientAccess, query, as: patient, in: clinic)
            oldest += page.items.map(\.actor.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(oldest == records.map(\.actor.id))
        let turned = PatientAccessQuery(sort: .oldestFirst, limit: 2, cursor: page.nextCursor)
        #expect(try await desk.call(endpoints.patientAccess, turned, as: patient, in: clinic).status == 422)
        let doctor = try await desk.member(["DOCTOR"], of: clinic, by: root)
        let refused = try await desk.call(endpoints.patientAccess, PatientAccessQuery(), as: doctor, in: clinic)
        #expect(refused.status == 403)
    }

    // MARK: - Indexes

    static let filters: [(name: String, change: @Sendable (inout AuditQuery) -> Void, index: String)] = [
        ("actor", { $0.actor = "x" }, "audit_entries_actor"),
        ("apiKeyId", { $0.apiKeyId = "x" }, "audit_entries_api_key"),
        ("action", { $0.action = "x" }, "audit_entries_action"),
        ("resource", { ($0.resourceType, $0.resourceId) = ("x", "y") }, "audit_entries_resource"),
        ("patientId", { $0.patientId = PatientID() }, "audit_entries_patient"),
        ("outcome", { $0.outcome = .denied }, "audit_entries_outcome"),
        ("requestId", { $0.requestId = RequestID() }, "audit_entries_request"),
        ("fromSeq", { ($0.fromSeq, $0.toSeq) = (1, 9) }, "audit_entries_pkey"),
        ("from", { ($0.from, $0.to) = (.now(), .now() + .seconds(9)) }, "audit_entries_at"),
    ]

    /// As the service's own role, under row-level security and with the plans that it uses.
    ///
    /// Of a log that is long enough for the planner to care.
    @Test func everyFilterHasItsIndex() async throws {
        let clinic = ClinicID()
        try desk.test.asOwner(
            """
            alter table access.audit_entries no force row level security;
            insert into access.audit_entries (clinic_id, seq, id, leaf, at, actor_id, api_key_id, action, resource_type,
                resource_id, patient_id, outcome, request_id)
            select '\(clinic)', n, gen_random_uuid(), '{}', now() + n * interval '1 second', 'actor-' || n % 100,
                'key-' || n % 100, 'tests:action_' || n % 100, 'type-' || n % 10, 'resource-' || n, gen_random_uuid(),
                case when n % 100 = 0 then 'denied' else 'succeeded' end, gen_random_uuid()
            from generate_series(0, 9999) as n;
            analyze access.audit_entries;
            alter table access.audit_entries force row level security
            """
        )
        for (name, change, index) in Self.filters {
            var query = AuditQuery()
            change(&query)
            let filter = AuditFilter(query)
            let text = try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx -> String in
                let query = AuditEntryStore.query(filter, of: clinic, from: 0, to: 10_000, limit: 50)
                return try tx.rows("explain " + query).map { try $0[0] as String }.joined(separator: "\n")
            }
            #expect(text.contains(index), "\(name): \(text)")
            #expect(!text.contains("Seq Scan"), "\(name): \(text)")
        }
    }
}
