import AccessAPI
import AuditLog
import Bus
import Contracts
import Core
import Foundation
import Postgres
import Telemetry
import TestKit
import Testing

@testable import Access

/// The order of entries, and what the database lets nobody do to them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct AuditSequenceTests {
    let desk: AccessDesk
    let clinic = ClinicID()

    init() throws { desk = try AccessDesk() }

    private func stored() async throws -> [(seq: Int64, leaf: [UInt8])] {
        let clinic = clinic
        return try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            let filter = AuditFilter(from: nil, to: nil, fields: AuditFilters())
            let page = try AuditEntryStore.page(filter, of: clinic, from: 0, to: .max, limit: 10_000, in: tx)
            return page.map { ($0.seq, $0.leaf) }
        }
    }

    @Test func entriesKeepTheOrderOfTheirArrival() async throws {
        let records = (0..<5).map { desk.record(in: clinic, action: "tests:step_\(["a", "b", "c", "d", "e"][$0])") }
        try await desk.append(records, to: clinic)
        try await desk.sequence(clinic)
        let entries = try await stored()
        #expect(entries.map(\.seq) == [0, 1, 2, 3, 4])
        for (record, entry) in zip(records, entries) {
            #expect(entry.leaf == AuditLeaf(record).line(seq: entry.seq))
        }
        #expect(try await desk.size(of: clinic) == 5)
    }

    @Test func anEntryIsThereOnceForGood() async throws {
        let record = desk.record(in: clinic)
        try await desk.append([record, record], to: clinic)
        try await desk.sequence(clinic)
        try await desk.append([record, desk.record(in: clinic)], to: clinic)
        try await desk.sequence(clinic)
        #expect(try await stored().map(\.seq) == [0, 1])
    }

    @Test func manySequencersMakeOneLog() async throws {
        let desk = desk
        let clinic = clinic
        let count = 2_000
        let sequencers = try (0..<4).map { _ in try desk.sequencer() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<20 {
                    try await desk.append((0..<count / 20).map { _ in desk.record(in: clinic) }, to: clinic)
                }
            }
            for sequencer in sequencers {
                group.addTask {
                    try await eventually("all entries in sequence") {
                        try await sequencer.sequence()
                        return try await desk.size(of: clinic) == Int64(count)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await stored().map(\.seq) == (0..<Int64(count)).map(\.self))
    }

    /// However long the log is, and however little the planner knows of it.
    @Test func theNextPlaceIsFoundWithoutReadingTheLog() async throws {
        let desk = desk
        let clinic = clinic
        try await desk.append((0..<300).map { _ in desk.record(in: clinic) }, to: clinic)
        try await desk.sequence(clinic)
        // Another sequencer may hold the log, or have left rows behind that it has rolled back; they are passed over once.
        try await eventually("a place found by a few rows") {
            let read = try await desk.database.through(.sequencer) { tx -> Int? in
                guard try AuditStore.sequence(clinic, limit: 1, in: tx) != nil else { return nil }
                return try tx.rows(
                    "select idx_tup_fetch from pg_stat_xact_user_tables where relid = 'audit_nodes'::regclass"
                ).first.map { try $0[0] }
            }
            return read.map { $0 < 10 } ?? false
        }
    }

    @Test func anotherClinicsLogIsNotSeen() async throws {
        try await desk.append([desk.record(in: clinic)], to: clinic)
        try await desk.sequence(clinic)
        let clinic = clinic
        let seen = try await desk.database.one(
            for: Tenant(ClinicID(), actor: "test"),
            "select count(*) from audit_entries where clinic_id = \(clinic)"
        ) { rows -> Int in try rows[0][0] }
        #expect(seen == 0)
        await #expect(throws: DatabaseError.self) {
            try await desk.database.transaction(for: Tenant(ClinicID(), actor: "test")) { tx in
                AuditStore.append([desk.record(in: clinic)], in: tx)
            }
        }
    }

    /// Append-only by privilege: neither the service nor its doors may change or remove what is in the log.
    @Test(arguments: [
        "update audit_entries set leaf = leaf", "delete from audit_entries", "truncate audit_entries",
        "update audit_nodes set hash = hash", "delete from audit_nodes", "truncate audit_nodes",
        "update audit_checkpoints set note = note", "delete from audit_checkpoints", "truncate audit_checkpoints",
        "truncate audit_pending", "drop table audit_entries", "alter table audit_entries disable row level security",
    ]) func nobodyChangesTheLog(_ statement: String) async throws {
        let query = try #require(Self.statements[statement])
        await #expect(throws: DatabaseError(.insufficientPrivilege, operation: "one")) {
            try await desk.database.one(for: Tenant(clinic, actor: "test"), operation: "one", query) { _ in }
        }
        for door in Door.allCases {
            await #expect(throws: DatabaseError(.insufficientPrivilege, operation: "door")) {
                try await desk.database.through(door, operation: "door") { tx in _ = try tx.last(query) }
            }
        }
    }

    private static let statements: [String: Query] = [
        "update audit_entries set leaf = leaf": "update audit_entries set leaf = leaf",
        "delete from audit_entries": "delete from audit_entries",
        "truncate audit_entries": "truncate audit_entries",
        "update audit_nodes set hash = hash": "update audit_nodes set hash = hash",
        "delete from audit_nodes": "delete from audit_nodes",
        "truncate audit_nodes": "truncate audit_nodes",
        "update audit_checkpoints set note = note": "update audit_checkpoints set note = note",
        "delete from audit_checkpoints": "delete from audit_checkpoints",
        "truncate audit_checkpoints": "truncate audit_checkpoints",
        "truncate audit_pending": "truncate audit_pending",
        "drop table audit_entries": "drop table audit_entries",
        "alter table audit_entries disable row level security":
            "alter table audit_entries disable row level security",
    ]
}

@Suite struct AuditLeafTests {
    @Test(arguments: ["test", "quote \" backslash \\ tab \t bell \u{7} line \u{2028} ü 🏥", ""])
    func aLineIsCanonical(_ text: String) throws {
        let clinic = ClinicID()
        var record = AuditRecord(
            at: Instant(microseconds: 1_700_000_000_123_456),
            clinicId: clinic,
            actor: .init(type: "api_key", id: text, roles: ["DOCTOR", "NURSE"], apiKeyId: "k1"),
            action: "a:b",
            resource: .init(type: "t", id: text),
            patientId: PatientID(),
            outcome: .denied,
            reason: "forbidden",
            requestId: RequestID(),
            source: .init(address: "::1", userAgent: text),
            count: 3,
            using: "template:\(text)=3"
        )
        for _ in 0..<2 {
            let line = AuditLeaf(record).line(seq: 42)
            #expect(line == (try JSONWriter.canonical(json: line)))
            #expect(try JSONTape(line).decode(AuditRecord.self) == record)
            struct Placed: Decodable { var seq: Int64 }
            #expect(try JSONTape(line).decode(Placed.self).seq == 42)
            (record.patientId, record.reason, record.count, record.actor.apiKeyId) = (nil, nil, nil, nil)
            record.using = nil
        }
    }
}

/// Signing: only what was read back, only what leads on from all that was signed before.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CheckpointTests {
    let desk: AccessDesk
    let clinic = ClinicID()
    let witness: WitnessFolder
    let folder: String

    init() throws {
        desk = try AccessDesk()
        folder = AccessDesk.witness + "/\(RequestID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        witness = WitnessFolder(path: folder)
    }

    private func grow(by count: Int) async throws {
        try await desk.append((0..<count).map { _ in desk.record(in: clinic) }, to: clinic)
        try await desk.sequence(clinic)
    }

    private func sign(_ folder: WitnessFolder? = nil) async throws -> StoredCheckpoint? {
        let signer = CheckpointSigner(keys: desk.parts.audit, witness: folder ?? witness)
        return try await signer.sign(clinic, in: desk.database, at: .now())
    }

    /// Another test's sequencer may be at this log for a moment.
    private func signed() async throws -> StoredCheckpoint {
        try await eventually("a checkpoint") { try await sign() }
    }

    private func tamper(_ script: String) throws { try desk.tamper(script) }

    @Test(arguments: [1, 255, 256, 257, 700]) func whatIsSignedIsTheTreeOfTheEntries(_ count: Int) async throws {
        try await grow(by: count)
        let checkpoint = try await signed()
        #expect(checkpoint.size == Int64(count))
        let clinic = clinic
        let leaves = try await desk.test.inspect(
            "select leaf from audit_entries where clinic_id = \(clinic) order by seq"
        ) { rows in try rows.map { row -> [UInt8] in try row[0] } }
        var tree = MerkleTree()
        for leaf in leaves { tree.add(.leaf(leaf)) }
        #expect(checkpoint.root == tree.root)
        let key = desk.parts.audit.signer.verifierKey
        let read = try AuditLog.Checkpoint(note: checkpoint.note, keys: [key])
        #expect(read.origin == "polyclinic/audit/\(clinic)")
        #expect(read.root == tree.root)
        #expect(try witness.newest(of: clinic) == checkpoint.note)
        // Nothing new, nothing signed; then on from there.
        #expect(try await sign() == nil)
        try await grow(by: 3)
        #expect(try await signed().size == Int64(count + 3))
    }

    @Test func proofsLeadFromEntriesToCheckpoints() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let auditor = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        try await desk.append((0..<600).map { _ in desk.record(in: clinic) }, to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        let endpoints = AuditEndpoints()
        try await desk.append([desk.record(in: clinic)], to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        let all = try await desk.ask(endpoints.checkpoints, CheckpointQuery(), as: auditor, in: clinic).items
        var (turned, cursor): ([AccessAPI.Checkpoint], String?) = ([], nil)
        repeat {
            let query = CheckpointQuery(sort: .largestFirst, limit: 1, cursor: cursor)
            let page = try await desk.ask(endpoints.checkpoints, query, as: auditor, in: clinic)
            turned += page.items
            cursor = page.nextCursor
        } while cursor != nil
        #expect(turned == all.reversed() && all.count > 1)
        let newest = try #require(all.last)
        let treeRoot = try #require(TreeHash(base64: newest.rootHash))
        for seq in [0, 255, 256, newest.size - 1] {
            let proof = try await desk.ask(
                endpoints.inclusionProof,
                InclusionQuery(seq: seq, size: newest.size),
                as: auditor,
                in: clinic
            )
            let leaf = try await desk.test.inspect(
                "select leaf from audit_entries where clinic_id = \(clinic) and seq = \(seq)"
            ) { rows -> [UInt8] in try rows[0][0] }
            #expect(
                ProofVerifier.verifyInclusion(
                    leaf: .leaf(leaf),
                    index: seq,
                    size: newest.size,
                    root: treeRoot,
                    proof: proof.hashes.compactMap { TreeHash(base64: $0) }
                )
            )
        }
        let beyond = InclusionQuery(seq: newest.size, size: newest.size)
        #expect(try await desk.call(endpoints.inclusionProof, beyond, as: auditor, in: clinic).status == 422)
        let old: Int64 = 300
        let proof = try await desk.ask(
            endpoints.consistencyProof,
            ConsistencyQuery(from: old, to: newest.size),
            as: auditor,
            in: clinic
        )
        let oldRoot = try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            let nodes = try AuditTreeStore.nodes(MerkleTree.peakPositions(size: old), of: clinic, in: tx)
            return try MerkleTree.root(size: old) { position throws(AuditLogFault) in
                guard let hash = nodes[position] else { throw .missing(seq: 0) }
                return hash
            }
        }
        #expect(
            ProofVerifier.verifyConsistency(
                old: old,
                oldRoot: oldRoot,
                new: newest.size,
                newRoot: treeRoot,
                proof: proof.hashes.compactMap { TreeHash(base64: $0) }
            )
        )
        let note = try await desk.pull(endpoints.checkpoint, EmptyInput(), as: auditor, in: clinic)
        #expect(String(decoding: note.bytes, as: UTF8.self) == newest.note)
        #expect(note.first.contentType.hasPrefix("text/plain"))
        let keys = try await desk.ask(endpoints.keys, EmptyInput(), as: auditor, in: clinic)
        #expect(keys.items.map(\.verifierKey) == [desk.parts.audit.signer.verifierKey.description])
    }

    @Test func anAlteredEntryIsNotSigned() async throws {
        try await grow(by: 3)
        try tamper(
            "update access.audit_entries set leaf = leaf || 'x'::bytea where clinic_id = '\(clinic)' and seq = 1"
        )
        await #expect(throws: AuditLogFault.altered(seq: 1)) { try await signed() }
        #expect(try witness.newest(of: clinic) == nil)
    }

    @Test func aLogThatIsShorterThanItsWitnessIsNotSigned() async throws {
        try await grow(by: 5)
        _ = try await signed()
        try tamper(
            """
            delete from access.audit_entries where clinic_id = '\(clinic)' and seq >= 3;
            delete from access.audit_nodes where clinic_id = '\(clinic)' and index >= 3;
            delete from access.audit_checkpoints where clinic_id = '\(clinic)'
            """
        )
        await #expect(throws: AuditLogFault.shrunk(size: 3, signed: 5)) {
            try await eventually("a verdict") { try await sign(WitnessFolder(path: folder)) }
        }
    }

    @Test func aRewrittenLogIsNotSigned() async throws {
        try await grow(by: 5)
        _ = try await signed()
        // Entry and hash are changed alike, and what was signed is taken away: only the witness remembers.
        try tamper(
            """
            update access.audit_entries set leaf = leaf || 'x'::bytea where clinic_id = '\(clinic)' and seq = 1;
            update access.audit_nodes as n set hash = sha256('\\x00'::bytea || e.leaf) from access.audit_entries as e
                where n.clinic_id = '\(clinic)' and n.level = 0 and n.index = 1
                and e.clinic_id = n.clinic_id and e.seq = 1;
            delete from access.audit_checkpoints where clinic_id = '\(clinic)'
            """
        )
        await #expect(throws: AuditLogFault.inconsistent(size: 5)) {
            try await eventually("a verdict") { try await sign(WitnessFolder(path: folder)) }
        }
    }

    @Test func theSequencerStopsOneLogAndGoesOnWithTheOthers() async throws {
        try await grow(by: 2)
        let other = ClinicID()
        try await desk.append([desk.record(in: other)], to: other)
        try await desk.sequence(other)
        try tamper(
            "update access.audit_entries set leaf = leaf || 'x'::bytea where clinic_id = '\(clinic)' and seq = 0"
        )
        let sequencer = try desk.sequencer()
        #expect(await sequencer.check.status() == .up)
        try await eventually("the alarm") {
            await sequencer.sign([clinic, other], at: .now())
            return !sequencer.stoppedLogs.isEmpty
        }
        #expect(sequencer.stoppedLogs[clinic] == .altered(seq: 0))
        #expect(sequencer.stoppedLogs[other] == nil)
        #expect(sequencer.check.name == "audit_log")
        #expect(await sequencer.check.status() == .impaired("stopped: 1"))
    }

    @Test func aHalfWrittenNoteIsPassedOver() async throws {
        try await grow(by: 1)
        let first = try await signed()
        let file = folder + "/\(clinic).checkpoints"
        var bytes = try Data(contentsOf: URL(filePath: file))
        bytes += Data("polyclinic/audit/x\n7\nAAAA".utf8)
        try bytes.write(to: URL(filePath: file))
        #expect(try WitnessFolder(path: folder).newest(of: clinic) == first.note)
    }
}

extension AccessDesk {
    /// Changes the log as only somebody with the server in his hands could.
    func tamper(_ script: String) throws {
        let admin = URLComponents(string: try TestServers.shared().adminURL)
        guard var parts = URLComponents(string: test.ownerURL.unredacted) else { throw TestKitError("not a URL") }
        parts.user = admin?.user
        try Migrator.execute(script, url: Secret(try #require(parts.string)))
    }
}
