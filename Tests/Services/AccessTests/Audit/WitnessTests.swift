import AccessAPI
import AuditLog
import Bus
import Contracts
import Core
import Crypto
import Foundation
import Jobs
import Logging
import Outbound
import Postgres
import Sandbox
import TestKit
import Testing

@testable import Access

/// A second party that cosigns checkpoints, and what it notices.
@Suite(.serialized, .timeLimit(.minutes(5))) struct WitnessTests {
    let desk: AccessDesk
    private let endpoints = AuditEndpoints()

    init() throws { desk = try AccessDesk() }

    /// A witness that knows the desk's logs, and how it is reached.
    struct Place: Sendable {
        let witness: Witness
        let http: OutboundHTTP
        let base: String

        var job: CosignCheckpoint {
            CosignCheckpoint(client: WitnessClient(http: http), witnesses: [witness], pause: .milliseconds(100))
        }

        func add(_ body: String) async throws -> OutboundResponse {
            try await http.send(
                method: "POST",
                url: witness.url + "/add-checkpoint",
                body: Array(body.utf8),
                deadline: .after(.seconds(10))
            )
        }

        /// Makes it fail, or well again.
        func fault(_ kind: String?) async throws {
            let response = try await http.send(
                method: kind == nil ? "DELETE" : "PUT",
                url: base + "/faults/witness",
                body: kind.map { Array(#"{"kind":"\#($0)"}"#.utf8) } ?? [],
                deadline: .after(.seconds(10))
            )
            try #require(response.status < 300)
        }
    }

    private func withWitness(_ body: @Sendable @escaping (Place) async throws -> Void) async throws {
        let log = Logger(label: "sandbox") { _ in SwiftLogNoOpLogHandler() }
        var settings = SandboxSettings()
        settings.witnessedLogs = [(AuditKeys.originPrefix, desk.parts.audit.verifierKey)]
        let (ports, listening) = AsyncStream<SandboxService.Ports>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { [settings] group in
            group.addTask { try await SandboxService.run(settings, log: log) { listening.yield($0) } }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next()).http
            let http = OutboundHTTP(policy: try OutboundPolicy(allow: "loopback"), logger: log)
            let base = "http://127.0.0.1:\(port)"
            let told = try await http.send(
                method: "GET",
                url: base + "/witness/key",
                deadline: .after(.seconds(10))
            )
            let list = try Witness.list("\(base)/witness/ \(String(decoding: told.body, as: UTF8.self).dropLast())")
            try await body(Place(witness: try #require(list.first), http: http, base: base))
            group.cancelAll()
        }
    }

    private func clinic() async throws -> (ClinicID, AccessDesk.Person) {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        return (clinic, try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root))
    }

    /// Adds entries and has all of them signed; gives the log's size.
    private func grow(_ clinic: ClinicID, by count: Int) async throws -> Int64 {
        try await desk.append((0..<count).map { _ in desk.record(in: clinic) }, to: clinic)
        try await desk.sequence(clinic)
        try await desk.sign(clinic)
        return try await desk.size(of: clinic)
    }

    private func enqueue(_ place: Place, _ clinic: ClinicID) async throws {
        try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            try CosignCheckpoint.enqueue([place.witness], after: .zero, in: tx)
        }
    }

    /// The size of the newest checkpoint that the witness cosigned.
    private func cosigned(_ place: Place, _ clinic: ClinicID) async throws -> Int64? {
        let key = place.witness.key
        return try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            try CosignatureStore.newestSize(by: key, of: clinic, in: tx)
        }
    }

    @Test func cosignaturesAreKeptAndServedWithTheirCheckpoint() async throws {
        let (clinic, auditor) = try await clinic()
        try await withWitness { [desk, endpoints] place in
            for count in [3, 300] {
                let size = try await grow(clinic, by: count)
                try await enqueue(place, clinic)
                try await desk.withJobs([place.job]) {
                    try await eventually("a cosignature of \(size)") { try await cosigned(place, clinic) == size }
                }
            }
            let reply = try await desk.pull(endpoints.checkpoint, EmptyInput(), as: auditor, in: clinic)
            let note = try SignedNote(String(decoding: reply.bytes, as: UTF8.self))
            #expect(try note.verified(by: [desk.parts.audit.verifierKey]).count == 1)
            let cosignature = try #require(try note.cosignature(by: place.witness.key))
            #expect(abs((cosignature.at - .now()).microseconds) < 600_000_000)
            let list = try await desk.ask(endpoints.checkpoints, CheckpointQuery(), as: auditor, in: clinic)
            #expect(list.items.filter { $0.note.contains("— sandbox.example/witness ") }.count == 2)
        }
    }

    @Test func aBundleShowsWhoCosignedIt() async throws {
        let (clinic, auditor) = try await clinic()
        try await withWitness { [desk, endpoints] place in
            let export = try await desk.ask(endpoints.createExport, AuditExportDraft(), as: auditor, in: clinic)
            let size = try await grow(clinic, by: 5)
            try await enqueue(place, clinic)
            let path = AuditExportPath(exportId: export.id)
            try await desk.withJobs([place.job, PrepareAuditExport()]) {
                try await eventually("the cosignature") { try await cosigned(place, clinic) == size }
                try await eventually("the bundle", within: .seconds(60)) {
                    try await desk.ask(endpoints.readExport, path, as: auditor, in: clinic).status == .ready
                }
            }
            let bundle = DataSource(try await desk.pull(endpoints.exportContent, path, as: auditor, in: clinic).bytes)
            let keys = [desk.parts.audit.verifierKey]
            let report = try BundleVerifier(keys: keys, witnesses: [place.witness.key]).verify(bundle)
            #expect(report.faults.isEmpty)
            #expect(report.cosigned.keys.sorted() == ["sandbox.example/witness"])
            let other = try #require(
                CosignerKey(
                    name: "other",
                    publicKey: [UInt8](Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
                )
            )
            let strict = try BundleVerifier(keys: keys, witnesses: [place.witness.key, other]).verify(bundle)
            #expect(strict.faults == [.uncosigned(by: "other")])
        }
    }

    @Test func aWitnessThatIsAwayStopsNothing() async throws {
        let (clinic, _) = try await clinic()
        try await withWitness { [desk] place in
            try await place.fault("down")
            _ = try await grow(clinic, by: 2)
            try await enqueue(place, clinic)
            try await desk.withJobs([place.job]) {
                let size = try await grow(clinic, by: 2)
                #expect(try await cosigned(place, clinic) == nil)
                try await place.fault("reset")
                try await place.fault(nil)
                try await eventually("a cosignature of \(size)") { try await cosigned(place, clinic) == size }
            }
        }
    }

    @Test func aReplyThatWasLostIsAskedForAgain() async throws {
        let (clinic, _) = try await clinic()
        try await withWitness { [desk] place in
            try await place.fault("lost_reply")
            let first = try await grow(clinic, by: 4)
            try await enqueue(place, clinic)
            try await desk.withJobs([place.job]) {
                try await eventually("the witness to have seen \(first)") {
                    let body = AddCheckpoint(oldSize: 1, proof: [], checkpoint: try await note(clinic)).text
                    try await place.fault(nil)
                    let answer = try await place.add(body)
                    if answer.body == Array("\(first)\n".utf8) { return true }
                    try await place.fault("lost_reply")
                    return false
                }
                // The witness is further than we know: its conflict says how far.
                try await eventually("its cosignature") { try await cosigned(place, clinic) == first }
            }
        }
    }

    private func note(_ clinic: ClinicID) async throws -> String {
        try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            try #require(try CheckpointStore.newest(of: clinic, in: tx)).note
        }
    }

    /// A database put back to an earlier state, or written anew: the log goes on from there, the witness knows better.
    @Test(arguments: [2, 40]) func aRestoredDatabaseIsNoticed(_ added: Int) async throws {
        let (clinic, _) = try await clinic()
        try await withWitness { [desk] place in
            let size = try await grow(clinic, by: 20)
            try await enqueue(place, clinic)
            try await desk.withJobs([place.job]) {
                try await eventually("a cosignature") { try await cosigned(place, clinic) == size }
            }
            // Everything since the fifth entry is gone, the file of checkpoints, too.
            try desk.tamper(
                """
                delete from access.audit_cosignatures where clinic_id = '\(clinic)';
                delete from access.audit_checkpoints where clinic_id = '\(clinic)';
                delete from access.audit_entries where clinic_id = '\(clinic)' and seq >= 5;
                delete from access.audit_nodes where clinic_id = '\(clinic)' and (level > 0 or index >= 5);
                update access.audit_heads set size = 5, signed_size = 0 where clinic_id = '\(clinic)'
                """
            )
            _ = try await grow(clinic, by: added)
            try await enqueue(place, clinic)
            try await desk.withJobs([place.job]) {
                try await eventually("the alarm") {
                    try await desk.test.inspect(
                        "select reason from dead_letters where clinic_id = \(clinic)"
                    ) { rows -> [String] in try rows.map { try $0[0] } } == ["witness_disagrees"]
                }
            }
            #expect(try await cosigned(place, clinic) == nil)
        }
    }

    @Test func theSandboxRefusesWhatAWitnessRefuses() async throws {
        let key = desk.parts.audit.signer
        let other = try #require(NoteSigner(name: key.verifierKey.name, seed: [UInt8](repeating: 1, count: 32)))
        func note(_ size: Int64, _ leaves: [UInt8], by signer: NoteSigner, origin: String) throws -> String {
            var tree = MerkleTree()
            for leaf in leaves { tree.add(.leaf([leaf])) }
            return try Checkpoint(origin: origin, size: size, root: tree.root).signed(by: signer)
        }
        let origin = AuditKeys.originPrefix + "\(ClinicID())"
        let two = try note(2, [1, 2], by: key, origin: origin)
        let four = try note(4, [1, 2, 3, 4], by: key, origin: origin)
        let proof = [TreeHash.node(.leaf([3]), .leaf([4]))]
        func ask(_ old: Int64, _ proof: [TreeHash], _ note: String) -> String {
            AddCheckpoint(oldSize: old, proof: proof, checkpoint: note).text
        }
        let cases: [(String, Int, String?)] = [
            ("nonsense", 400, nil), (ask(3, [], two), 400, nil),
            (ask(0, [], try note(2, [1, 2], by: key, origin: "elsewhere/log")), 404, nil),
            (ask(0, [], try note(2, [1, 2], by: other, origin: origin)), 403, nil),
            (ask(1, [], two), 409, "0\n"), (ask(0, proof, two), 422, nil),
            (ask(0, [], two), 200, nil), (ask(0, [], four), 409, "2\n"), (ask(2, [], four), 422, nil),
            (ask(2, [.leaf([9])], four), 422, nil), (ask(2, proof, four), 200, nil),
            (ask(4, [], four), 200, nil), (ask(4, [], try note(4, [1, 2, 3, 5], by: key, origin: origin)), 409, "4\n"),
            (ask(2, [], two), 409, "4\n"),
        ]
        try await withWitness { place in
            for (body, status, text) in cases {
                let answer = try await place.add(body)
                #expect(answer.status == status, "\(body): \(answer.status)")
                if let text { #expect(String(decoding: answer.body, as: UTF8.self) == text) }
                if status == 409 { #expect(answer.header("Content-Type") == "text/x.tlog.size") }
            }
        }
    }
}

/// What a witness's answers mean, and how witnesses are named.
@Suite struct WitnessClientTests {
    private let signer = Curve25519.Signing.PrivateKey()
    private let note = "log\n1\nAAAA\n\n— log AAAAAAAA\n"

    private func line(_ name: String, _ seconds: UInt64, of text: String = "log\n1\nAAAA\n") throws -> String {
        let key = try #require(CosignerKey(name: name, publicKey: [UInt8](signer.publicKey.rawRepresentation)))
        let time = (0..<8).map { UInt8(truncatingIfNeeded: seconds >> UInt64(56 - 8 * $0)) }
        let signature = try signer.signature(for: CosignerKey.message(text, at: seconds))
        return "— \(name) \(Data(key.idBytes + time + signature).base64EncodedString())\n"
    }

    private func answer(_ status: Int, _ body: String, _ media: String = "text/plain") throws -> WitnessClient.Answer {
        let key = try #require(CosignerKey(name: "w", publicKey: [UInt8](signer.publicKey.rawRepresentation)))
        return WitnessClient.read(
            OutboundResponse(status: status, headers: [("Content-Type", media)], body: Array(body.utf8)),
            to: AddCheckpoint(oldSize: 3, proof: [], checkpoint: note),
            from: Witness(url: "https://w.example", key: key),
            at: Instant(seconds: 1_000_000)
        )
    }

    @Test func answersAreTold() throws {
        let good = try line("w", 1_000_000)
        #expect(try answer(200, good) == .cosigned(Cosignature(at: Instant(seconds: 1_000_000), line: good)))
        #expect(try answer(200, try line("stranger", 1) + good).code == "cosigned")
        for bad in ["", "nonsense", try line("stranger", 1), try line("w", 2_000_000), try line("w", 1, of: "x\n")] {
            #expect(try answer(200, bad) == .refused(reason: "bad_cosignature"), "\(bad)")
        }
        #expect(try answer(409, "7\n", "text/x.tlog.size") == .conflict(size: 7))
        #expect(try answer(409, "3\n", "text/x.tlog.size") == .inconsistent)
        #expect(try answer(409, "7\n") == .inconsistent)
        #expect(try answer(422, "") == .inconsistent)
        #expect(try answer(403, "") == .refused(reason: "key_unknown"))
        #expect(try answer(404, "") == .refused(reason: "log_unknown"))
        #expect(try answer(400, "") == .refused(reason: "status_400"))
        #expect(try answer(503, "") == .away(reason: "status_503"))
        #expect(try answer(429, "") == .away(reason: "status_429"))
    }

    @Test func witnessesAreNamedByURLAndKey() throws {
        let key = "witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"
        let list = try Witness.list(" https://a.example/x/ \(key), http://b.example \(key) ,")
        #expect(list.map(\.url) == ["https://a.example/x", "http://b.example"])
        #expect(list.map(\.key.description) == [key, key])
        #expect(try Witness.list(nil).isEmpty && Witness.list("").isEmpty)
        for wrong in ["https://a.example", key, "ftp://a \(key)", "https://a \(key) x", "https://a w+00000000+BAAA"] {
            #expect(throws: WitnessSettingError.self) { try Witness.list(wrong) }
        }
    }
}
