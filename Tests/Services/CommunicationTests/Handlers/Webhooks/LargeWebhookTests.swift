import Bus
import CommunicationAPI
import Contracts
import Core
import Postgres
import ServiceHost
import TestKit
import Testing

@testable import Communication
@testable import Sandbox
@testable import ServiceHost

/// Webhooks that come in several pieces: believed when they are whole, taken once, and nothing of them is left.
@Suite(.serialized, .timeLimit(.minutes(4))) struct LargeWebhookTests {
    private static let token = "large-notice-token-0001"
    private static let bearer = ["authorization": "Bearer \(token)"]
    private static let file =
        Array("%PDF-1.7\n".utf8) + (0..<900).flatMap { [UInt8](repeating: UInt8($0 % 251), count: 500) }
    private static let conversations = MessageDesk.endpoints.conversations

    private func clinic() async throws -> TestClinic {
        let clinic = try TestClinic()
        var draft = ProviderDraft.smtp(port: 9)
        draft.credentials["verifyToken"] = .string(Self.token)
        try await clinic.configure(draft)
        return clinic
    }

    private func mail(_ id: String = "\(RequestID())") -> [UInt8] {
        let lines = [
            "From: asha@example.com", "To: clinic@example.com", "Subject: My letter", "Message-ID: <\(id)@example.com>",
            "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain", "", "See the file",
            "--b", "Content-Type: application/pdf", "Content-Disposition: attachment; filename=letter.pdf",
            "Content-Transfer-Encoding: base64", "", Base64.encode(Self.file), "--b--", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// One piece, as the gateway passes it on; gives the status.
    private func piece(
        _ number: Int,
        of body: [UInt8],
        _ id: RequestID,
        to clinic: TestClinic,
        by provider: String = "smtp",
        headers: [String: String] = bearer,
        redelivered: Bool = false
    ) async throws -> Int {
        let start = min(number * BodyPiece.bytes, body.count)
        let end = min(start + BodyPiece.bytes, body.count)
        let input = WebhookPayload(
            provider: provider,
            clinicId: clinic.clinic,
            body: RawBody(Array(body[start..<end]))
        )
        let piece = BodyPiece(contentType: "message/rfc822", number: number, isLast: end == body.count)
        let request = BusRequest(
            id: id,
            operation: MessageDesk.endpoints.deliveries.receive.name,
            clinic: clinic.clinic,
            principal: Principal(kind: .provider, id: "test"),
            scope: .clinic,
            deadline: .after(.seconds(60)),
            idempotencyKey: "\(id)",
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            headers: piece.headers.merging(headers) { $1 },
            input: try JSONWriter.encode(input)
        )
        guard case .reply(let reply) = await clinic.desk.dispatcher.answer(request, redelivered: redelivered) else {
            throw Problem.unavailable("The answer")
        }
        return reply.status
    }

    /// All of a body, as the gateway passes it on; gives the statuses.
    private func bring(
        _ body: [UInt8],
        to clinic: TestClinic,
        by provider: String = "smtp",
        headers: [String: String] = bearer
    ) async throws -> [Int] {
        let id = RequestID()
        var statuses: [Int] = []
        repeat {
            statuses.append(
                try await piece(statuses.count, of: body, id, to: clinic, by: provider, headers: headers)
            )
        } while statuses.last == BodyPiece.taken
        return statuses
    }

    private func said(_ clinic: TestClinic) async throws -> [InboundMessage] {
        var found: [InboundMessage] = []
        for talk in try await clinic.ask(Self.conversations.list, .init()).output?.items ?? [] {
            found += try await clinic.ask(Self.conversations.messages, .init(id: talk.id)).output?.items ?? []
        }
        return found
    }

    private func left(_ clinic: TestClinic) async throws -> Int {
        let id = clinic.clinic
        return try await clinic.desk.database.inspect(
            """
            select (select count(*) from notice_bodies where clinic_id = \(id))
                + (select count(*) from notice_pieces where clinic_id = \(id))
            """
        ) { try $0[0][0] }
    }

    @Test func aLargeMailIsTakenOnceWithItsFile() async throws {
        let (clinic, other) = (try await clinic(), try await clinic())
        let body = mail()
        let pieces = (body.count + BodyPiece.bytes - 1) / BodyPiece.bytes
        let wanted = Array(repeating: BodyPiece.taken, count: pieces - 1) + [200]
        #expect(pieces > 2)
        #expect(try await bring(body, to: clinic) == wanted)
        #expect(try await bring(body, to: clinic) == wanted)
        let all = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { try await bring(body, to: clinic).last ?? 0 } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(all == Array(repeating: 200, count: 8))
        let found = try await said(clinic)
        #expect(found.count == 1 && found.first?.text == "See the file")
        #expect(found.first?.files.map(\.status) == [.kept] && found.first?.files.first?.size == Self.file.count)
        #expect(try await left(clinic) == 0)
        #expect(try await said(other).isEmpty)
    }

    @Test func aPieceThatComesAgainOrNotAtAllHarmsNothing() async throws {
        let clinic = try await clinic()
        let (body, id) = (mail(), RequestID())
        #expect(try await piece(1, of: body, RequestID(), to: clinic) == 503)
        for number in [0, 0, 1, 0, 1] {
            #expect(try await piece(number, of: body, id, to: clinic, redelivered: true) == BodyPiece.taken)
        }
        #expect(try await left(clinic) == 3)
        #expect(try await said(clinic).isEmpty)
        let last = (body.count - 1) / BodyPiece.bytes
        for number in 2...last {
            #expect(try await piece(number, of: body, id, to: clinic) == (number == last ? 200 : BodyPiece.taken))
        }
        #expect(try await said(clinic).count == 1)
        // The process died before it could answer: what is brought again is there already.
        #expect(try await piece(last, of: body, id, to: clinic, redelivered: true) == 503)
        #expect(try await bring(body, to: clinic).last == 200)
        #expect(try await said(clinic).count == 1)
        #expect(try await left(clinic) == 0)
    }

    @Test func aForgedOneLeavesNothing() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic()
            let body = mail()
            #expect(try await bring(body, to: clinic, headers: ["authorization": "Bearer another"]) == [401])
            #expect(try await bring(body, to: clinic, by: "sendgrid") == [401])
            let signing = try TestClinic()
            var draft = ProviderDraft.sendgrid(sandbox.url("sendgrid"))
            draft.credentials["webhookPublicKey"] = .text(SendGrid.publicKey("clinic-seed"))
            try await signing.configure(draft)
            #expect(try await bring(body, to: signing, by: "sendgrid", headers: [:]) == [401])
            let form =
                Array("--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n".utf8) + body
                + Array("\r\n--x--\r\n".utf8)
            func signed(_ seed: String) -> [String: String] {
                var headers: [String: String] = [:]
                for (name, value) in SendGrid.sign(seed, form, .now()) { headers[name.lowercased()] = value }
                headers["content-type"] = "multipart/form-data; boundary=x"
                return headers
            }
            #expect(try await bring(form, to: signing, by: "sendgrid", headers: signed("another-seed")).last == 401)
            #expect(try await said(signing).isEmpty)
            #expect(try await left(signing) == 0)
            #expect(try await bring(form, to: signing, by: "sendgrid", headers: signed("clinic-seed")).last == 200)
            #expect(try await said(signing).first?.files.map(\.status) == [.kept])
            for one in [clinic, signing] { #expect(try await left(one) == 0) }
        }
    }

    @Test func whatIsTooLongForItsProviderIsRefused() async throws {
        let clinic = try await clinic()
        let long = [UInt8](repeating: 0x61, count: WebhookPayload.longestBody + 1)
        #expect(try await bring(long, to: clinic, by: "twilio", headers: [:]).last == 401)
        try await clinic.configure(sms: [.twilio(SandboxPlace.nowhere)])
        #expect(try await bring(long, to: clinic, by: "twilio", headers: [:]).last == 413)
    }

    @Test(
        arguments: [
            (LargeWebhookRules.mostOfClinic, 0, nil), (LargeWebhookRules.mostOfClinic + 1, 0, 503),
            (1, LargeWebhookRules.mostInAll + 1, 503), (1, LargeWebhookRules.mostInAll, nil),
        ] as [(Int, Int, Int?)]
    )
    func thereIsRoomForSoMuch(clinic: Int, all: Int, status: Int?) {
        var found: Int?
        do throws(Problem) {
            try LargeWebhookRules.checkRoom(size: 1, longest: 1, clinic: clinic, all: all)
        } catch { found = error.status }
        #expect(found == status)
        #expect(throws: Problem.self) { try LargeWebhookRules.checkRoom(size: 2, longest: 1, clinic: 1, all: 1) }
    }

    @Test func whatDoesNotBecomeWholeHoldsRoomForAWhileOnly() async throws {
        let begun = Instant(seconds: 1_800_000_000)
        func life(after time: Duration, isWhole: Bool = false) -> Duration {
            LargeWebhookRules.expiry(begunAt: begun, isWhole: isWhole, at: begun + time) - begun
        }
        #expect(life(after: .zero) == LargeWebhookRules.patience)
        #expect(life(after: .seconds(100)) == .seconds(100) + LargeWebhookRules.patience)
        #expect(life(after: .seconds(190)) == LargeWebhookRules.longestLife)
        // What is whole is kept for as long as it takes to be read.
        #expect(life(after: .seconds(190), isWhole: true) == .seconds(190) + LargeWebhookRules.patience)

        let clinic = try await clinic()
        let (body, id) = (mail(), RequestID())
        #expect(try await piece(0, of: body, id, to: clinic) == BodyPiece.taken)
        let tenant = Tenant(clinic.clinic, actor: "test")
        func held(at now: Instant) async throws -> Int {
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                try WebhookBodyStore.holdRoom(of: clinic.clinic, at: now, in: tx)
            }
        }
        #expect(try await held(at: .now()) == BodyPiece.bytes)
        #expect(try await held(at: .now() + LargeWebhookRules.patience + .seconds(1)) == 0)
    }

    @Test func whatComesNoFurtherIsDropped() async throws {
        let clinic = try await clinic()
        let (body, id) = (mail(), RequestID())
        #expect(try await piece(0, of: body, id, to: clinic) == BodyPiece.taken)
        let tenant = Tenant(clinic.clinic, actor: "test")
        let database = clinic.desk.database.database
        func expire(at now: Instant) async throws -> Instant? {
            try await database.transaction(for: tenant) { tx in try WebhookBodyStore.expire(id, at: now, in: tx) }
        }
        #expect(try await expire(at: .now()) != nil)
        #expect(try await left(clinic) == 2)
        #expect(try await expire(at: .now() + LargeWebhookRules.patience + .seconds(1)) == nil)
        #expect(try await left(clinic) == 0)
        #expect(try await piece(1, of: body, id, to: clinic) == 503)
    }
}
