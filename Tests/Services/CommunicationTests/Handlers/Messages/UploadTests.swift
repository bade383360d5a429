import Bus
import CommunicationAPI
import Contracts
import Core
import Crypto
import FoundationEssentials
import Postgres
import ServiceHost
import TestKit
import Testing

@testable import Communication
@testable import ServiceHost

/// Files that are uploaded piece by piece and go with messages.
@Suite(.serialized, .timeLimit(.minutes(5))) struct UploadTests {
    private let endpoint = MessageDesk.endpoints.attachments.upload
    private let send = MessageDesk.endpoints.messages.send

    /// No two of its pieces are the same.
    private static func file(_ count: Int) -> [UInt8] {
        var bytes = Array("%PDF-1.7".utf8)
        var block = 0
        while bytes.count < count {
            bytes += [UInt8](repeating: UInt8(block % 251), count: min(1_000, count - bytes.count))
            block += 1
        }
        return bytes
    }

    private func draft(_ files: [AttachmentDraft], to address: String = "asha@example.com") -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress(address)),
            content: MessageContent(subject: "Hello", text: "See the letter."),
            attachments: files
        )
    }

    @Test(arguments: ["zeptomail", "aws_ses", "smtp"])
    func tenMebibytesArriveAsTheyWere(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let address = "large\(clinic.clinic.low)@example.com"
            let entry: ProviderDraft =
                switch provider {
                case "smtp": .smtp(port: sandbox.smtpPort)
                case "zeptomail": .zeptomail(sandbox.zeptomail)
                default: try .named(provider, at: sandbox.url(provider))
                }
            try await clinic.configure(entry)
            let file = Self.file(AttachmentUpload.mostBytes)
            let upload = try await clinic.upload(file)
            #expect(upload.size == file.count && upload.sha256 == Array(SHA256.hash(data: file)).hex)
            let id = try await clinic.send(draft([AttachmentDraft(upload.id)], to: address))
            let message = try await clinic.settled(id)
            #expect(message.status == .sent, "\(message.attempts)")
            let received = try #require(try await sandbox.received(for: address).first?.message)
            guard case .array(let files) = received["files"], files.count == 1 else {
                Issue.record("no file")
                return
            }
            #expect(files[0]["name"]?.string == "Brief für Asha.pdf")
            // Whole files are not worth showing.
            let isSame = files[0]["content"]?.string == Data(file).base64EncodedString()
            #expect(isSame)
            #expect(
                message.attachments == [
                    MessageAttachment(filename: "Brief für Asha.pdf", contentType: "application/pdf", bytes: file.count)
                ]
            )
        }
    }

    @Test func aRepeatedUploadIsOneFile() async throws {
        let (clinic, other, key) = (try TestClinic(), try TestClinic(), "\(RequestID())")
        let file = Self.file(2 * BodyPiece.bytes + 10)
        let first = try await clinic.upload(file, key: key)
        #expect(try await clinic.upload(file, key: key) == first)
        // It differs in its first piece alone, and in its name alone.
        var changed = file
        changed[100] ^= 1
        #expect(try await clinic.pieces(of: changed, key: key).code == "idempotency_key_reused")
        #expect(try await clinic.pieces(of: file, name: "other.pdf", key: key).code == "idempotency_key_reused")
        #expect(try await other.upload(file, key: key).id != first.id)
        #expect(try await clinic.upload(file).id != first.id)
    }

    /// A provider is given time for what it is handed, and nobody takes the job from whoever hands it over meanwhile.
    @Test func largeFilesAreGivenTime() async throws {
        #expect(SendingParts.callTime(carrying: 0) == SendingParts.callTime)
        #expect(SendingParts.callTime(carrying: 10 * SendingParts.slowestRate) == SendingParts.callTime + .seconds(10))
        #expect(SendingParts.callTime(carrying: 1 << 30) == SendingParts.longestCallTime)
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let upload = try await clinic.upload(Self.file(4 * LargeFiles.least))
            let (plain, large) = (try await clinic.send(), try await clinic.send(draft([AttachmentDraft(upload.id)])))
            var times: [Double] = []
            for id in [plain, large] {
                #expect(try await clinic.settled(id).status == .sent)
                times.append(
                    try await clinic.desk.database.inspect(
                        """
                        select extract(epoch from held_until - started_at)::float8 from message_attempts
                        where message_id = \(id)
                        """
                    ) { try $0[0][0] }
                )
            }
            let usual = (SendingParts.callTime + SendingParts.callGrace).inSeconds
            #expect(abs(times[0] - usual) < 0.1)
            #expect(times[1] - usual > Double(4 * LargeFiles.least / SendingParts.slowestRate))
        }
    }

    @Test func manyLargeOnesGoOneAfterAnother() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let upload = try await clinic.upload(Self.file(2 * LargeFiles.least))
            var ids: [MessageID] = []
            for number in 0..<4 {
                let address = "turn\(number)x\(clinic.clinic.low)@example.com"
                ids.append(try await clinic.send(draft([AttachmentDraft(upload.id)], to: address)))
            }
            for id in ids { #expect(try await clinic.settled(id).status == .sent) }
        }
    }

    @Test func piecesThatComeTwiceCountOnce() async throws {
        let clinic = try TestClinic()
        let (id, file) = (RequestID(), Self.file(2 * BodyPiece.bytes + 5))
        for (number, isRedelivered) in [(0, false), (0, true), (1, false), (1, true), (0, true)] {
            let answer = try await clinic.piece(number, of: file, id, redelivered: isRedelivered)
            #expect(answer.status == BodyPiece.taken)
        }
        let whole = try await clinic.piece(2, of: file, id)
        let again = try await clinic.piece(2, of: file, id, redelivered: true)
        #expect(whole.status == 201 && again.status == 201 && whole.body == again.body)
        let upload = try JSONTape(whole.body).decode(UploadedAttachment.self)
        #expect(upload.size == file.count && upload.sha256 == Array(SHA256.hash(data: file)).hex)
    }

    @Test func aPieceThatIsMissingIsTold() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let (id, file) = (RequestID(), Self.file(3 * BodyPiece.bytes))
        #expect(try await clinic.piece(1, of: file, id).code == "upload_interrupted")
        #expect(try await clinic.piece(0, of: file, id).status == BodyPiece.taken)
        #expect(try await clinic.piece(2, of: file, id).code == "upload_interrupted")
        // What is not whole goes with no message.
        let answer = try await clinic.ask(send, draft([AttachmentDraft(id.retagged())]))
        #expect(answer.status == 422 && answer.pointers == ["/attachments/0/attachmentId"])
    }

    @Test func onlyTheClinicsOwnCanBeNamed() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        for clinic in [clinic, other] { try await clinic.configure(.smtp(port: 9)) }
        let upload = try await clinic.upload(Self.file(100))
        for (asker, id) in [(other, upload.id), (clinic, AttachmentID()), (other, AttachmentID())] {
            let answer = try await asker.ask(send, draft([AttachmentDraft(id)]))
            #expect(answer.status == 422 && answer.pointers == ["/attachments/0/attachmentId"])
        }
        // Two messages may have the same file, also at once.
        async let one = clinic.ask(send, draft([AttachmentDraft(upload.id)]))
        async let two = clinic.ask(send, draft([AttachmentDraft(upload.id)]))
        #expect(try await [one.status, two.status] == [202, 202])
    }

    @Test func whatIsNotWhatItSaysIsRefused() async throws {
        let clinic = try TestClinic()
        let file = Self.file(100)
        for (name, type, digest, status, code) in [
            ("a.pdf", "image/png", nil, 422, "invalid"), ("a.png", "image/png", nil, 422, "invalid"),
            ("../a.pdf", "application/pdf", nil, 422, "invalid"), ("a.exe", "application/pdf", nil, 422, "invalid"),
            ("a.pdf", "application/pdf", String(repeating: "0", count: 64), 422, "digest_mismatch"),
            ("a.pdf", "application/pdf", Array(SHA256.hash(data: file)).hex, 201, nil),
        ] as [(String, String, String?, Int, String?)] {
            let answer = try await clinic.piece(0, of: file, RequestID(), name: name, type: type, digest: digest)
            #expect(answer.status == status && answer.code == code, "\(name), \(type)")
        }
        #expect(try await clinic.piece(0, of: [], RequestID()).status == 422)
    }

    @Test func whatNobodyUsesExpires() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let used = try await clinic.upload(Self.file(100))
        let unused = try await clinic.upload(Self.file(100))
        let half: AttachmentID = RequestID().retagged()
        _ = try await clinic.piece(0, of: Self.file(2 * BodyPiece.bytes), half.retagged())
        _ = try await clinic.send(draft([AttachmentDraft(used.id)]))
        let tenant = Tenant(clinic.clinic, actor: "test")
        let database = clinic.desk.database.database
        let later = Instant.now() + UploadRules.patience + .seconds(1)
        let kept = try await database.transaction(for: tenant) { tx in
            try [used.id, unused.id, half].map { try UploadStore.expire($0, at: later, in: tx) }
        }
        #expect(kept == [nil, unused.expiresAt, nil])
        let muchLater = Instant.now() + UploadRules.lifetime + .seconds(1)
        let left = try await database.transaction(for: tenant) { tx in
            for id in [used.id, unused.id, half] { _ = try UploadStore.expire(id, at: muchLater, in: tx) }
            return try tx.rows("select id from uploads where clinic_id = clinic_id()").map { row in
                let id: AttachmentID = try row[0]
                return id
            }
        }
        #expect(left == [used.id])
        let answer = try await clinic.ask(send, draft([AttachmentDraft(unused.id)]))
        #expect(answer.status == 422)
    }

    @Test func whatIsNotUsedHasALimit() async throws {
        #expect(throws: Problem.self) { try UploadRules.checkRoom(size: AttachmentUpload.mostBytes + 1, unused: 0) }
        #expect(throws: Problem.self) {
            try UploadRules.checkRoom(size: 1, unused: AttachmentUpload.mostUnusedBytes + 1)
        }
        let clinic = try TestClinic()
        _ = try await clinic.upload(Self.file(100))
        let tenant = Tenant(clinic.clinic, actor: "test")
        try await clinic.desk.database.database.transaction(for: tenant) { tx in
            for _ in 0..<AttachmentUpload.mostUnusedBytes / AttachmentUpload.mostBytes {
                tx.execute(
                    """
                    insert into uploads (clinic_id, id, sealed, size, created_by, created_at, expires_at)
                    values (clinic_id(), \(AttachmentID()), '', \(AttachmentUpload.mostBytes), 'test', now(), now())
                    """
                )
            }
        }
        let answer = try await clinic.piece(0, of: Self.file(100), RequestID())
        #expect(answer.status == 409 && answer.code == "uploads_full")
        // Others have room of their own.
        _ = try await TestClinic().upload(Self.file(100))
    }

    /// What a clinic has of files that no message has: the bytes of all, and how many pieces.
    private func stored(in clinic: TestClinic) async throws -> [Int] {
        try await clinic.desk.database.database.read(for: Tenant(clinic.clinic, actor: "test")) { tx in
            let pieces: Int = try tx.rows("select count(*)::int from upload_pieces where clinic_id = clinic_id()")[0][0]
            return [try UploadStore.unusedBytes(in: tx), pieces]
        }
    }

    /// Takes all of a clinic's room for files but so many bytes.
    private func fill(_ clinic: TestClinic, leaving free: Int) async throws {
        let all = try await stored(in: clinic)[0]
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            var left = AttachmentUpload.mostUnusedBytes - all - free
            while left > 0 {
                let bytes = min(left, AttachmentUpload.mostBytes)
                tx.execute(
                    """
                    insert into uploads (clinic_id, id, sealed, size, created_by, created_at, expires_at)
                    values (clinic_id(), \(AttachmentID()), '', \(bytes), 'test', now(), now())
                    """
                )
                left -= bytes
            }
        }
    }

    @Test func whatIsRefusedTakesNoRoom() async throws {
        let clinic = try TestClinic()
        let file = Self.file(2 * BodyPiece.bytes + 10)
        let wrong = String(repeating: "0", count: 64)
        #expect(try await clinic.pieces(of: file, digest: wrong).code == "digest_mismatch")
        #expect(try await stored(in: clinic) == [0, 0])
        // It breaks off, and another one is not touched by that.
        let (broken, other) = (RequestID(), RequestID())
        for id in [broken, other] { #expect(try await clinic.piece(0, of: file, id).status == BodyPiece.taken) }
        #expect(try await clinic.piece(1, of: file, broken, isBroken: true).status == BodyPiece.taken)
        #expect(try await stored(in: clinic) == [BodyPiece.bytes, 1])
        #expect(try await clinic.piece(1, of: file, other).status == BodyPiece.taken)
        #expect(try await clinic.piece(2, of: file, other).status == 201)
        // A whole one is nobody's to break off.
        #expect(try await clinic.piece(3, of: file, other, isBroken: true).status == BodyPiece.taken)
        #expect(try await stored(in: clinic) == [file.count, 3])
        // There is room for its first piece, and not for the second.
        try await fill(clinic, leaving: BodyPiece.bytes + 10)
        let full = try await stored(in: clinic)
        #expect(try await clinic.pieces(of: file).code == "uploads_full")
        #expect(try await stored(in: clinic) == full)
    }

    /// It is answered with what it was answered with, however little room there is, and takes none.
    @Test func aRepeatedUploadNeedsNoRoom() async throws {
        let (clinic, key) = (try TestClinic(), "\(RequestID())")
        let file = Self.file(2 * BodyPiece.bytes + 10)
        // It begins before the first one is whole.
        let early = RequestID()
        #expect(try await clinic.piece(0, of: file, early, key: key).status == BodyPiece.taken)
        let first = try await clinic.upload(file, key: key)
        #expect(try await clinic.piece(1, of: file, early, key: key).status == BodyPiece.taken)
        let answer = try await clinic.piece(2, of: file, early, key: key)
        #expect(try JSONTape(answer.body).decode(UploadedAttachment.self) == first)
        #expect(try await stored(in: clinic) == [file.count, 3])
        try await fill(clinic, leaving: 0)
        let full = try await stored(in: clinic)
        #expect(try await clinic.upload(file, key: key) == first)
        var changed = file
        changed[100] ^= 1
        #expect(try await clinic.pieces(of: changed, key: key).code == "idempotency_key_reused")
        #expect(try await stored(in: clinic) == full)
        #expect(try await clinic.pieces(of: file).code == "uploads_full")
    }

    /// Whoever uploads at the same time shares the room that is left: not a byte more is taken.
    @Test func theLimitHoldsForFiftyAtOnce() async throws {
        let clinic = try TestClinic()
        let (size, room) = (100_000, 5)
        let tenant = Tenant(clinic.clinic, actor: "test")
        let database = clinic.desk.database.database
        let files = AttachmentUpload.mostUnusedBytes / AttachmentUpload.mostBytes
        try await database.transaction(for: tenant) { tx in
            for number in 1...files {
                let bytes = AttachmentUpload.mostBytes - (number == files ? room * size : 0)
                tx.execute(
                    """
                    insert into uploads (clinic_id, id, sealed, size, created_by, created_at, expires_at)
                    values (clinic_id(), \(AttachmentID()), '', \(bytes), 'test', now(), now())
                    """
                )
            }
        }
        let answers = try await withThrowingTaskGroup(of: TestClinic.PieceAnswer.self) { group in
            for _ in 0..<50 { group.addTask { try await clinic.piece(0, of: Self.file(size), RequestID()) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count { $0.status == 201 } == room)
        #expect(answers.count { $0.status == 409 && $0.code == "uploads_full" } == 50 - room)
        let unused = try await database.read(for: tenant) { tx in try UploadStore.unusedBytes(in: tx) }
        #expect(unused == AttachmentUpload.mostUnusedBytes)
        // What was refused has left nothing behind.
        let left: Int = try await database.read(for: tenant) { tx in
            try tx.rows("select count(*)::int from upload_pieces where clinic_id = clinic_id()")[0][0]
        }
        #expect(left == room)
    }

    /// Whoever asks for the last room while another piece is not committed yet waits for that, and then there is none.
    @Test func aPieceWaitsForThoseBesideIt() async throws {
        let clinic = try TestClinic()
        _ = try await clinic.upload(Self.file(100))
        let (id, tenant) = (clinic.clinic, Tenant(clinic.clinic, actor: "test"))
        let (gate, room) = ("gate \(id)", "uploads \(id)")
        let pools = (0..<2).map { _ in
            clinic.desk.database.pool {
                $0.requestConnections = 1
                $0.statementTimeout = .seconds(60)
                $0.lockTimeout = .seconds(60)
            }
        }
        defer { for pool in pools { pool.close() } }
        @Sendable func isWaited(for lock: String) async throws -> Bool {
            try await clinic.desk.database.inspect(
                """
                select exists (select from pg_locks where locktype = 'advisory' and not granted
                    and ((classid::bigint << 32) | objid::bigint) = hashtextextended(\(lock), 0))
                """
            ) { try $0[0][0] }
        }
        _ = try await pools[0].one(for: tenant, "select pg_advisory_lock(hashtextextended(\(gate), 0))") { $0.count }
        async let beside: Void = pools[1].transaction(for: tenant) { tx in
            UploadStore.holdRoom(of: id, in: tx)
            let files = AttachmentUpload.mostUnusedBytes / AttachmentUpload.mostBytes
            for number in 1...files {
                let bytes = AttachmentUpload.mostBytes - (number == files ? 100_100 : 0)
                tx.execute(
                    """
                    insert into uploads (clinic_id, id, sealed, size, created_by, created_at, expires_at)
                    values (clinic_id(), \(AttachmentID()), '', \(bytes), 'test', now(), now())
                    """
                )
            }
            _ = try tx.rows("select pg_advisory_xact_lock(hashtextextended(\(gate), 0))")
        }
        try await eventually("the other piece is written") { try await isWaited(for: gate) }
        async let answer = clinic.piece(0, of: Self.file(200_000), RequestID())
        try await eventually("the piece waits", within: .seconds(10)) { try await isWaited(for: room) }
        _ = try await pools[0].one(for: tenant, "select pg_advisory_unlock(hashtextextended(\(gate), 0))") { $0.count }
        try await beside
        #expect(try await answer.code == "uploads_full")
    }

    @Test func tooLargeForTheProviderIsSaidAtOnce() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.zeptomail(SandboxPlace.nowhere))
        let upload = try await clinic.upload(Self.file(6 << 20))
        let twice = draft([AttachmentDraft(upload.id), AttachmentDraft(upload.id)])
        #expect(try await clinic.ask(send, twice).code == "attachments_too_large")
        try await clinic.configure(.zeptomail(SandboxPlace.nowhere), .smtp(port: 9))
        #expect(try await clinic.ask(send, twice).status == 202)
    }

    @Test func theyAreSealedAtRest() async throws {
        let clinic = try TestClinic()
        let file = Array("%PDF-1.7 confidential".utf8)
        _ = try await clinic.upload(file)
        let tenant = Tenant(clinic.clinic, actor: "test")
        let stored = try await clinic.desk.database.database.read(for: tenant) { tx in
            try tx.rows(
                "select u.sealed, p.sealed from uploads u join upload_pieces p on p.upload_id = u.id and p.clinic_id = u.clinic_id"
            ).flatMap { row -> [[UInt8]] in [try row[0], try row[1]] }
        }
        #expect(stored.count == 2)
        for secret in ["confidential", "Brief", "application"] {
            #expect(stored.allSatisfy { $0.firstRange(of: Array(secret.utf8)) == nil })
        }
    }
}

extension TestClinic {
    struct PieceAnswer {
        var status: Int
        var body: [UInt8]
        var code: String? { try? JSONTape(body).decode(JSONValue.self)["code"]?.string }
    }

    /// One piece of a file, as the gateway passes it on.
    func piece(
        _ number: Int,
        of file: [UInt8],
        _ id: RequestID,
        name: String = "Brief für Asha.pdf",
        type: String = "application/pdf",
        digest: String? = nil,
        redelivered: Bool = false,
        key: String? = nil,
        isBroken: Bool = false
    ) async throws -> PieceAnswer {
        let start = min(number * BodyPiece.bytes, file.count)
        let end = isBroken ? start : min(start + BodyPiece.bytes, file.count)
        let isLast = !isBroken && end == file.count
        let input = AttachmentUpload(filename: name, sha256: digest, body: RawBody(Array(file[start..<end])))
        let request = BusRequest(
            id: id,
            operation: Self.endpoints.attachments.upload.name,
            clinic: clinic,
            principal: Self.admin,
            scope: .clinic,
            deadline: .after(.seconds(20)),
            idempotencyKey: key ?? "\(id)",
            clientKey: key != nil,
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            headers: BodyPiece(
                contentType: type,
                number: number,
                isLast: isLast,
                digest: key != nil && isLast ? Array(SHA256.hash(data: file)).hex : nil,
                isBroken: isBroken
            ).headers,
            input: try JSONWriter.encode(input)
        )
        guard case .reply(let reply) = await desk.dispatcher.answer(request, redelivered: redelivered) else {
            throw Problem.unavailable("The answer")
        }
        return PieceAnswer(status: reply.status, body: reply.body)
    }

    /// A file that messages may name.
    func upload(
        _ file: [UInt8],
        name: String = "Brief für Asha.pdf",
        type: String = "application/pdf",
        key: String? = nil
    ) async throws -> UploadedAttachment {
        let answer = try await pieces(of: file, name: name, type: type, key: key)
        try #require(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
        return try JSONTape(answer.body).decode(UploadedAttachment.self)
    }

    /// All pieces of a file, up to the one that is answered.
    func pieces(
        of file: [UInt8],
        name: String = "Brief für Asha.pdf",
        type: String = "application/pdf",
        digest: String? = nil,
        key: String? = nil
    ) async throws -> PieceAnswer {
        let id = RequestID()
        for number in 0... {
            let answer = try await piece(number, of: file, id, name: name, type: type, digest: digest, key: key)
            if answer.status != BodyPiece.taken { return answer }
        }
        throw TestKitError("no end")
    }
}
