import AccessAPI
import AuditLog
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// What an auditor takes home, and what it shows of a log that was tampered with.
@Suite(.serialized, .timeLimit(.minutes(5))) struct AuditExportTests {
    let desk: AccessDesk
    private let endpoints = AuditEndpoints()

    init() throws { desk = try AccessDesk() }

    private func audited(_ count: Int) async throws -> (clinic: ClinicID, auditor: AccessDesk.Person) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let auditor = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        try await desk.append((0..<count).map { _ in desk.record(in: clinic) }, to: clinic)
        try await desk.sequence(clinic)
        return (clinic, auditor)
    }

    /// Asks for a bundle, has it prepared, and fetches it.
    private func bundle(
        _ draft: AuditExportDraft,
        of clinic: ClinicID,
        for auditor: AccessDesk.Person
    ) async throws -> [UInt8] {
        let export = try await desk.ask(endpoints.createExport, draft, as: auditor, in: clinic)
        #expect(export.status == .pending)
        let path = AuditExportPath(exportId: export.id)
        // Another test's workers may have readied it by now.
        let early = try await desk.call(endpoints.exportContent, path, as: auditor, in: clinic)
        #expect(early.code == "export_not_ready" || early.status == 200)
        try await desk.withJobs {
            try await eventually("the bundle", within: .seconds(60)) {
                try await desk.ask(endpoints.readExport, path, as: auditor, in: clinic).status == .ready
            }
        }
        return try await desk.pull(endpoints.exportContent, path, as: auditor, in: clinic).bytes
    }

    private func verify(_ bytes: [UInt8]) throws -> VerificationReport {
        try BundleVerifier(keys: [desk.parts.audit.signer.verifierKey]).verify(DataSource(bytes))
    }

    @Test(arguments: [3, 600, 1_300]) func aBundleProvesItself(_ count: Int) async throws {
        let (clinic, auditor) = try await audited(count)
        try await desk.sign(clinic)
        let size = try await desk.size(of: clinic)
        let report = try verify(try await bundle(AuditExportDraft(), of: clinic, for: auditor))
        #expect(report.faults.isEmpty)
        #expect(report.size == size)
        #expect(report.entries == size)
        #expect(report.origin == "polyclinic/audit/\(clinic)")
    }

    @Test func aFilteredBundleProvesEachEntry() async throws {
        let (clinic, auditor) = try await audited(400)
        let wanted = (0..<3).map { _ in desk.record(in: clinic, action: "tests:wanted") }
        try await desk.append(wanted, to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        var filters = AuditFilters()
        filters.action = "tests:wanted"
        let report = try verify(try await bundle(AuditExportDraft(filters: filters), of: clinic, for: auditor))
        #expect(report.faults.isEmpty)
        #expect(report.isFiltered)
        #expect(report.entries == 3)
    }

    enum Tampering: String, CaseIterable, Sendable {
        case flipped, deleted, swapped, inserted
    }

    @Test(arguments: Tampering.allCases) func tamperingIsNamedByItsPlace(_ tampering: Tampering) async throws {
        let (clinic, auditor) = try await audited(50)
        try await desk.sign(clinic)
        let of = "where clinic_id = '\(clinic)'"
        switch tampering {
        case .flipped:
            try desk.tamper(
                "update access.audit_entries set leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1) \(of) and seq = 17"
            )
        case .deleted:
            try desk.tamper("delete from access.audit_entries \(of) and seq = 17")
        case .swapped:
            try desk.tamper(
                """
                create temporary table held as select * from access.audit_entries \(of) and seq in (17, 18);
                update access.audit_entries as e set leaf = h.leaf from held as h
                    where e.clinic_id = h.clinic_id and e.seq in (17, 18) and h.seq = 35 - e.seq;
                drop table held
                """
            )
        case .inserted:
            try desk.tamper(
                """
                update access.audit_entries set seq = -seq - 1000 \(of) and seq >= 17 and false;
                update access.audit_entries set leaf = leaf || '\\x0a'::bytea || leaf \(of) and seq = 17
                """
            )
        }
        let report = try verify(try await bundle(AuditExportDraft(), of: clinic, for: auditor))
        #expect(!report.isVerified)
        let expected: [VerificationReport.Fault] =
            switch tampering {
            case .flipped: [.altered(seq: 17)]
            case .deleted: [.missing(seq: 17)]
            case .swapped: [.moved(seq: 17), .moved(seq: 18)]
            case .inserted: [.inserted(seq: 17)]
            }
        #expect(report.faults.contains(where: expected.contains), "found \(report.faults)")
    }

    @Test func aRewrittenRangeIsNamedByItsCheckpoints() async throws {
        let (clinic, auditor) = try await audited(20)
        try await desk.sign(clinic)
        let first = try await desk.size(of: clinic)
        try await desk.append((0..<20).map { _ in desk.record(in: clinic) }, to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        // Entry and hash alike, in what the first checkpoint covers.
        try desk.tamper(
            """
            update access.audit_entries set leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1)
                where clinic_id = '\(clinic)' and seq = 2;
            update access.audit_nodes as n set hash = sha256('\\x00'::bytea || e.leaf) from access.audit_entries as e
                where n.clinic_id = '\(clinic)' and n.level = 0 and n.index = 2
                and e.clinic_id = n.clinic_id and e.seq = 2
            """
        )
        let report = try verify(try await bundle(AuditExportDraft(), of: clinic, for: auditor))
        #expect(!report.isVerified)
        #expect(report.faults.contains(.rewritten(from: 0, to: first)), "found \(report.faults)")
    }

    @Test func linesAreTheVeryBytesThatWereHashed() async throws {
        let (clinic, auditor) = try await audited(1_200)
        let pulled = try await desk.pull(
            endpoints.entries,
            AuditQuery(),
            as: auditor,
            in: clinic,
            accept: "application/x-ndjson"
        )
        #expect(pulled.pages > 2)
        #expect(pulled.first.contentType == "application/x-ndjson")
        let size = try await desk.size(of: clinic)
        let lines = pulled.bytes.split(separator: 10).map(Array.init)
        #expect(Int64(lines.count) >= 1_200 && Int64(lines.count) <= size)
        let stored = try await desk.test.inspect(
            "select leaf from audit_entries where clinic_id = \(clinic) order by seq"
        ) { rows in try rows.map { row -> [UInt8] in try row[0] } }
        #expect(lines == Array(stored.prefix(lines.count)))
        let headers = Dictionary(pulled.first.headers) { first, _ in first }
        #expect(headers["X-Audit-Size"] == String(lines.count))
    }

    @Test func filtersAndCursorsFindEntries() async throws {
        let (clinic, auditor) = try await audited(10)
        var query = AuditQuery()
        query.action = "tests:make"
        query.limit = 4
        let first = try await desk.ask(endpoints.entries, query, as: auditor, in: clinic)
        query.cursor = first.nextCursor
        let second = try await desk.ask(endpoints.entries, query, as: auditor, in: clinic)
        #expect(first.items.count == 4 && second.items.count == 4)
        #expect(first.items.map(\.seq) + second.items.map(\.seq) == (first.items + second.items).map(\.seq).sorted())
        query.action = "tests:other"
        #expect(try await desk.call(endpoints.entries, query, as: auditor, in: clinic).status == 422)
        var one = AuditQuery()
        one.requestId = first.items[2].requestId
        #expect(
            try await desk.ask(endpoints.entries, one, as: auditor, in: clinic).items.map(\.seq) == [first.items[2].seq]
        )
        let csv = try await desk.pull(endpoints.entries, AuditQuery(), as: auditor, in: clinic, accept: "text/csv")
        let rows = String(decoding: csv.bytes, as: UTF8.self).split(separator: "\r\n")
        #expect(rows.first?.hasPrefix("seq,id,at,clinicId,") == true)
        #expect(rows.count > 10)
    }

    @Test func readingTheTrailIsRecordedAndTiedToItsClinic() async throws {
        let (clinic, auditor) = try await audited(1)
        let (other, _) = try await audited(1)
        #expect(try await desk.call(endpoints.entries, AuditQuery(), as: auditor, in: other).status == 404)
        #expect(try await desk.call(endpoints.entries, AuditQuery(), as: auditor, in: .installation).status == 404)
        _ = try await desk.ask(endpoints.entries, AuditQuery(), as: auditor, in: clinic)
        let outbox = try await desk.test.inspect(
            "select count(*) from outbox where clinic_id = \(clinic) and part = 'audit' and actor like \("%\(auditor.id)")"
        ) { rows -> Int in try rows[0][0] }
        #expect(outbox >= 1)
    }
}
