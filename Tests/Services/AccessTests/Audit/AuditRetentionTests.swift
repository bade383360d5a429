import AccessAPI
import AuditLog
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// What is past its time is blanked, and nothing else; every proof stays what it was.
@Suite(.serialized, .timeLimit(.minutes(5))) struct AuditRetentionTests {
    let desk: AccessDesk
    private let endpoints = AuditEndpoints()

    init() throws { desk = try AccessDesk() }

    private func clinic() async throws -> (id: ClinicID, admin: AccessDesk.Person) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        return (clinic, try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root))
    }

    private func record(
        _ clinic: ClinicID,
        days: Int64,
        _ action: String,
        of type: String = "tests",
        patient: PatientID? = nil,
        outcome: AuditRecord.Outcome = .succeeded
    ) -> AuditRecord {
        var record = desk.record(in: clinic, action: action)
        record.at = Instant.now() - .seconds(days * 86_400)
        record.resource = .init(type: type, id: "1")
        record.patientId = patient
        record.outcome = outcome
        return record
    }

    private func log(_ clinic: ClinicID, _ records: [AuditRecord]) async throws -> [Int64] {
        try await desk.append(records, to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        let ids = records.map(\.id)
        return try await desk.test.inspect(
            "select seq from audit_entries where clinic_id = \(clinic) and id = any(\(ids)) order by seq"
        ) { rows in try rows.map { try $0[0] } }
    }

    private func blanked(_ clinic: ClinicID) async throws -> [Int64] {
        try await desk.test.inspect(
            "select seq from audit_entries where clinic_id = \(clinic) and leaf is null order by seq"
        ) { rows in try rows.map { try $0[0] } }
    }

    @Test func eachClassHasItsTime() async throws {
        let (clinic, admin) = try await clinic()
        let patient = PatientID()
        let seqs = try await log(
            clinic,
            [
                record(clinic, days: 2_200, "services:update", of: "services"),
                record(clinic, days: 2_180, "services:update", of: "services"),
                record(clinic, days: 100, "services:update", of: "services"),
                record(clinic, days: 89, "services:update", of: "services"),
                record(clinic, days: 2_200, "patients:read", of: "patients", patient: patient),
                record(clinic, days: 2_180, "patients:read", of: "patients", patient: patient),
                record(clinic, days: 9_000, "access.auth.login", of: "users"),
                record(clinic, days: 9_000, "roles:assign", of: "users"),
                record(clinic, days: 9_000, "communication_config:update", of: "communication_config"),
                record(clinic, days: 9_000, "break_glass:use", of: "break_glass", patient: patient),
                record(clinic, days: 9_000, "patients:read", of: "patients", patient: patient, outcome: .denied),
                record(clinic, days: 9_000, "disputes:update", of: "disputes"),
            ]
        )
        try #require(seqs.count == 12)
        try await BlankAuditEntries.blank(clinic, in: desk.database)
        #expect(try await blanked(clinic) == [seqs[0], seqs[4]])
        let set = try await desk.ask(endpoints.setRetention, AuditRetention(days: 95), as: admin, in: clinic)
        #expect(set.days == 95)
        try await BlankAuditEntries.blank(clinic, in: desk.database)
        #expect(try await blanked(clinic) == [seqs[0], seqs[1], seqs[2], seqs[4]])
        for days in [0, 89, 2_193] {
            let reply = try await desk.call(endpoints.setRetention, AuditRetention(days: days), as: admin, in: clinic)
            #expect(reply.status >= 400, "\(days) days: \(reply.status)")
        }
    }

    @Test func aSettingHasAVersion() async throws {
        let (clinic, admin) = try await clinic()
        let first = try await desk.call(endpoints.readRetention, EmptyInput(), as: admin, in: clinic)
        #expect(first.headers.contains { $0 == ("ETag", "\"0\"") })
        let stale = try await desk.call(
            endpoints.setRetention,
            AuditRetention(days: 100),
            as: admin,
            in: clinic,
            ifMatch: "\"7\""
        )
        #expect(stale.status == 412)
        _ = try await desk.ask(
            endpoints.setRetention,
            AuditRetention(days: 100),
            as: admin,
            in: clinic,
            ifMatch: "\"0\""
        )
        #expect(try await desk.ask(endpoints.readRetention, EmptyInput(), as: admin, in: clinic).days == 100)
        let nurse = try await desk.member(["NURSE"], of: clinic, by: try await desk.superAdmin())
        let refused = try await desk.call(endpoints.setRetention, AuditRetention(days: 90), as: nurse, in: clinic)
        #expect(refused.status == 403)
    }

    @Test func whatIsBlankedKeepsItsPlaceAndItsProof() async throws {
        let (clinic, auditor) = try await clinic()
        let old = (0..<3).map { _ in record(clinic, days: 3_000, "services:update", of: "services") }
        let seqs = try await log(clinic, [desk.record(in: clinic)] + old + [desk.record(in: clinic)])
        let kept = try await desk.ask(endpoints.createExport, AuditExportDraft(), as: auditor, in: clinic)
        let path = AuditExportPath(exportId: kept.id)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        try await desk.withJobs {
            try await eventually("the bundle", within: .seconds(60)) {
                try await desk.ask(endpoints.readExport, path, as: auditor, in: clinic).status == .ready
            }
        }
        try await BlankAuditEntries.blank(clinic, in: desk.database)
        // Reads.
        var query = AuditQuery()
        query.fromSeq = seqs[1]
        query.toSeq = seqs[1]
        let read = try await desk.call(endpoints.entries, query, as: auditor, in: clinic)
        let text = String(decoding: read.body, as: UTF8.self)
        #expect(text.hasPrefix(#"{"items":[{"seq":\#(seqs[1]),"pruned":true,"leafHash":""#))
        for accept in ["text/csv", "application/fhir+ndjson", "application/x-ndjson"] {
            let pulled = try await desk.pull(endpoints.entries, query, as: auditor, in: clinic, accept: accept)
            #expect(!String(decoding: pulled.bytes, as: UTF8.self).contains("services:update"))
        }
        // FHIR has a form for it: what the search could not give.
        let lines = try await desk.pull(
            endpoints.entries,
            query,
            as: auditor,
            in: clinic,
            accept: "application/fhir+ndjson"
        ).bytes
        let line = try JSONTape(Array(lines.dropLast())).decode(JSONValue.self)
        #expect(line["resourceType"] == "OperationOutcome")
        let page = try await desk.call(
            endpoints.entries,
            query,
            as: auditor,
            in: clinic,
            accept: "application/fhir+json"
        )
        guard case .array(let found)? = try JSONTape(page.body).decode(JSONValue.self)["entry"],
            case .array(let issues)? = found.first?["resource"]?["issue"]
        else {
            Issue.record("no outcome in the Bundle")
            return
        }
        #expect(found.count == 1 && found.first?["search"]?["mode"] == "outcome")
        #expect(issues.first?["code"] == "deleted" && issues.first?["severity"] == "information")
        #expect(issues.first?["diagnostics"]?.string?.hasPrefix("Entry \(seqs[1]) is past retention") == true)
        // The bundle that was ready before, and the one of everything old.
        let keys = [desk.parts.audit.verifierKey]
        let bytes = try await desk.pull(endpoints.exportContent, path, as: auditor, in: clinic).bytes
        let report = try BundleVerifier(keys: keys).verify(DataSource(bytes))
        #expect(report.faults.isEmpty)
        #expect(report.pruned == 3)
        #expect(report.entries + report.pruned == report.size)
        // Proofs and the tree, and no entries in tiles any more.
        let proof = try await desk.ask(endpoints.inclusionProof, InclusionQuery(seq: seqs[2]), as: auditor, in: clinic)
        #expect(proof.hashes.count > 0)
        let size = try await desk.size(of: clinic)
        let tile = AuditTilePath(tile: "000.p/\(min(size, 6))")
        #expect(try await desk.call(endpoints.entryTile, tile, as: auditor, in: clinic).code == "entries_pruned")
        // The log goes on from what is there.
        _ = try await log(clinic, [desk.record(in: clinic)])
    }

    /// Everybody who may log in, and every door there is.
    static let roles = ["access", "communication", "appointments", "billing"].flatMap { service in
        ["polyclinic_\(service)"]
            + ["relay", "sequencer", "lookup", "installation"].map { "polyclinic_\(service)_\($0)" }
    }

    static let tables = ["audit_entries", "audit_nodes", "audit_checkpoints", "audit_cosignatures"]

    @Test(arguments: roles) func noRoleMayChangeOrDeleteWhatIsLogged(_ role: String) async throws {
        let rights = try await desk.test.inspect(
            """
            select t.name || ' ' || p.name from unnest(\(Self.tables)) as t (name),
                unnest(array['update', 'delete', 'truncate', 'references', 'trigger']) as p (name)
            where has_table_privilege(\(role)::name, 'access.' || t.name, p.name)
                or (p.name = 'update' and has_any_column_privilege(\(role)::name, 'access.' || t.name, 'update'))
            """
        ) { rows -> [String] in try rows.map { try $0[0] } }
        #expect(rights == [])
        let mayBlank = try await desk.test.inspect(
            "select has_function_privilege(\(role)::name, 'access.blank_audit_entries(integer)', 'execute')"
        ) { rows -> Bool in try rows[0][0] }
        #expect(mayBlank == (role == "polyclinic_access"))
    }

    @Test func theFunctionReachesNothingYoungAndNoOtherClinic() async throws {
        let (clinic, _) = try await clinic()
        let (other, _) = try await self.clinic()
        let old = try await log(clinic, [record(clinic, days: 3_000, "services:update", of: "services")])
        _ = try await log(other, [record(other, days: 3_000, "services:update", of: "services")])
        let young = try await log(clinic, [record(clinic, days: 1, "services:update", of: "services")])
        let tenant = Tenant(clinic, actor: "test")
        let count = try await desk.database.transaction(for: tenant) { tx in
            try AuditRetentionStore.blank(most: 1_000, in: tx)
        }
        #expect(count == 1)
        #expect(try await blanked(clinic) == old)
        #expect(!(try await blanked(clinic).contains(young[0])))
        #expect(try await blanked(other) == [])
    }
}
