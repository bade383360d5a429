import Contracts
import Core
import Crypto
import Synchronization

/// Resend's API (resend.com/docs/api-reference): sending, reading and the list of domains; keys are kept for a day.
///
/// `PUT /resend/received/{id}` with what the API is to say puts an e-mail there that somebody has sent to an account, and
/// `PUT /resend/held/{id}` a file of one.
struct Resend: SandboxProvider {
    let name = "resend"
    let messages: MessageStore
    let webhooks: WebhookSender?
    private let kept = ResendKeys()
    private let inbox = ResendInbox()
    private let files = HeldFiles()

    init(messages: MessageStore, publicURL: String? = nil) {
        self.messages = messages
        webhooks = WebhookSender(
            secretDefault: Self.signingSecretDefault,
            path: "/api/v1/webhooks/communication/resend",
            publicURL: publicURL,
            wrap: { secret, event, at in
                .init(headers: Self.sign(secret, id: event.id, event.body, at), body: event.body)
            }
        )
    }

    static let signingSecretDefault = "whsec_cmVzZW5kLXNhbmRib3gtc2lnbmluZy1zZWNyZXQ="

    /// Svix: HMAC-SHA256 over id, time and body, each behind a dot, under what the secret holds behind its prefix.
    static func sign(_ secret: String, id: String, _ body: [UInt8], _ at: Instant) -> [(String, String)] {
        let key = Base64Text.decode(secret.hasPrefix("whsec_") ? secret.dropFirst(6) : secret[...]) ?? []
        let content = Array("\(id).\(at.seconds).".utf8) + body
        let code = HMAC<SHA256>.authenticationCode(for: content, using: SymmetricKey(data: key))
        return [
            ("svix-id", id), ("svix-timestamp", "\(at.seconds)"),
            ("svix-signature", "v1,\(Base64.encode(Array(code)))"),
        ]
    }

    func tell(_ event: MailEvent, of message: ReceivedMessage, to recipients: [String]) -> Bool {
        guard let type = Self.types[event] else { return false }
        var data: [String: JSONValue] = [
            "email_id": .string(message.id), "created_at": .string(message.at.rfc3339), "from": .string(message.from),
            "to": .array(recipients.map { .string($0) }), "subject": .text(message.subject),
        ]
        if let reference = message.reference { data["tags"] = ["message_id": .string(reference)] }
        switch event {
        case .hardBounce:
            data["bounce"] = ["type": "Permanent", "subType": "General", "message": "550 5.1.1 No such user"]
        case .softBounce: data["bounce"] = ["type": "Transient", "subType": "MailboxFull", "message": "452 4.2.2 Full"]
        case .dropped: data["suppressed"] = ["type": "OnAccountSuppressionList", "message": "Suppressed"]
        case .rejected: data["failed"] = ["reason": "reached_daily_quota"]
        default: break
        }
        let notice: JSONValue = [
            "type": .string(type), "created_at": .string(Instant.now().rfc3339), "data": .object(data),
        ]
        guard let bytes = try? JSONWriter.encode(notice) else { return false }
        webhooks?.send(
            .init(id: "msg_\(RandomText.make(27))", type: type, account: "sandbox", clinic: nil, body: bytes)
        )
        return true
    }

    private static let types: [MailEvent: String] = [
        .delivered: "email.delivered", .softBounce: "email.bounced", .hardBounce: "email.bounced",
        .open: "email.opened", .complaint: "email.complained", .dropped: "email.suppressed",
        .rejected: "email.failed",
    ]

    private static let fields: Set<String> = [
        "from", "to", "subject", "cc", "bcc", "reply_to", "html", "text", "headers", "attachments", "tags",
        "scheduled_at", "template", "topic_id",
    ]
    private static let mostRecipients = 50
    /// Whose domains an account has here.
    private static let domains: JSONValue = [
        ["id": "d-1", "name": "example.com", "status": "verified", "region": "eu-west-1"],
        ["id": "d-2", "name": "clinic.example", "status": "verified", "region": "eu-west-1"],
        ["id": "d-3", "name": "unverified.example", "status": "pending", "region": "eu-west-1"],
    ]
    /// The one whose mails are marked and whose links are rewritten.
    private static let watchedDomain = "d-2"
    private static let addressForm =
        "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format."

    private struct Refusal: Error {
        let status: Int
        let name: String
        let message: String

        init(_ status: Int, _ name: String, _ message: String) {
            self.status = status
            self.name = name
            self.message = message
        }

        var reply: SandboxReply {
            .json(
                status,
                ["statusCode": .integer(Int64(status)), "name": .string(name), "message": .string(message)]
            )
        }
    }

    private func domain(_ id: String) throws(Refusal) -> SandboxReply {
        guard case .array(let domains) = Self.domains, let found = domains.first(where: { $0["id"]?.string == id }),
            case .object(var members) = found
        else { throw Refusal(404, "not_found", "Domain not found") }
        members["object"] = "domain"
        members["open_tracking"] = false
        members["click_tracking"] = .bool(id == Self.watchedDomain)
        return .json(200, .object(members))
    }

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        if request.method == "PUT", path.hasPrefix("/received/"), let mail = request.json {
            inbox.put(mail, as: String(path.dropFirst("/received/".count)))
            return SandboxReply(204)
        }
        let parts = path.split(separator: "/").map(String.init)
        if let reply = files.answer(request, parts, isSigned: true) { return reply }
        do throws(Refusal) {
            let key = try apiKey(request)
            switch (request.method, path) {
            case ("POST", "/emails"): return try once(request, key)
            case ("GET", "/domains"):
                try requireFullAccess(key)
                return .json(200, ["object": "list", "has_more": false, "data": Self.domains])
            case ("GET", _) where path.hasPrefix("/domains/"):
                try requireFullAccess(key)
                return try domain(String(path.dropFirst("/domains/".count)))
            case ("GET", _) where parts.count == 5 && parts[1] == "receiving" && parts[3] == "attachments":
                try requireFullAccess(key)
                return try attachment(parts[4], of: parts[2], request)
            case ("GET", _) where path.hasPrefix("/emails/receiving/"):
                try requireFullAccess(key)
                guard let mail = inbox.mail(String(path.dropFirst("/emails/receiving/".count))) else {
                    throw Refusal(404, "not_found", "Email not found")
                }
                return .json(200, mail)
            case ("GET", _) where path.hasPrefix("/emails/"):
                try requireFullAccess(key)
                return try shown(String(path.dropFirst("/emails/".count)))
            case (_, "/emails"), (_, "/domains"):
                throw Refusal(405, "method_not_allowed", "This endpoint does not support the specified HTTP method.")
            default: throw Refusal(404, "not_found", "The requested endpoint does not exist.")
            }
        } catch {
            return error.reply
        }
    }

    func failure(_ status: Int) -> SandboxReply {
        switch status {
        case 429:
            let text =
                "Too many requests. You can only make 2 requests per second. See rate limit response headers "
                + "for more information. Or contact support to increase rate limit."
            var reply = Refusal(429, "rate_limit_exceeded", text).reply
            reply.headers += [
                ("ratelimit-limit", "2"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "1"), ("retry-after", "1"),
            ]
            return reply
        case 503: return SandboxReply(503, headers: [("Content-Type", "text/html")], body: Array("Unavailable".utf8))
        default: return Refusal(500, "internal_server_error", "An unexpected error occurred.").reply
        }
    }

    /// Any key that begins as theirs do, but one that says that it is wrong; callers have to name themselves.
    private func apiKey(_ request: SandboxRequest) throws(Refusal) -> String {
        guard request.headers["user-agent"]?.isEmpty == false else {
            throw Refusal(403, "forbidden", "error code: 1010")
        }
        guard let header = request.headers["authorization"], header.hasPrefix("Bearer "), header.utf8.count > 7 else {
            throw Refusal(401, "missing_api_key", "Missing API Key")
        }
        let key = String(header.dropFirst(7))
        guard key.hasPrefix("re_"), SandboxCredential.isAccepted(key) else {
            throw Refusal(403, "invalid_api_key", "API key is invalid")
        }
        return key
    }

    /// A file of an e-mail: where it lies for a while.
    private func attachment(_ id: String, of mail: String, _ request: SandboxRequest) throws(Refusal) -> SandboxReply {
        guard inbox.mail(mail) != nil, let file = files.find(id) else {
            throw Refusal(404, "not_found", "Attachment not found")
        }
        return .json(
            200,
            [
                "object": "attachment", "id": .string(id), "filename": "file", "content_type": .string(file.type),
                "size": .integer(Int64(file.bytes.count)),
                "download_url": .string(files.address(id, request, under: name)),
            ]
        )
    }

    private func requireFullAccess(_ key: String) throws(Refusal) {
        if key.contains("sending") {
            throw Refusal(401, "restricted_api_key", "This API key is restricted to only send emails")
        }
    }

    /// Sends under an idempotency key, or gives what it gave before.
    private func once(_ request: SandboxRequest, _ apiKey: String) throws(Refusal) -> SandboxReply {
        guard let key = request.headers["idempotency-key"] else { return try send(request, apiKey) }
        guard (1...256).contains(key.utf8.count) else {
            throw Refusal(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
        }
        let digest = Array(SHA256.hash(data: request.body))
        switch kept.begin(key, of: apiKey, digest, at: .now()) {
        case .new: break
        case .done(let id): return .json(200, ["id": .string(id)])
        case .other:
            let text =
                "This idempotency key has been used on a request with a different payload. Retrying this "
                + "request with the same idempotency key is useless; modify it or the payload."
            throw Refusal(409, "invalid_idempotent_request", text)
        case .running:
            let text = "Another request with the same idempotency key is currently in progress. Please retry later."
            throw Refusal(409, "concurrent_idempotent_requests", text)
        }
        do throws(Refusal) {
            let reply = try send(request, apiKey)
            kept.end(key, of: apiKey, with: (try? JSONTape(reply.body).decode(JSONValue.self))?["id"]?.string)
            return reply
        } catch {
            kept.end(key, of: apiKey, with: nil)
            throw error
        }
    }

    private func send(_ request: SandboxRequest, _ apiKey: String) throws(Refusal) -> SandboxReply {
        guard let body = request.json, case .object(let members) = body else {
            throw Refusal(400, "validation_error", "The request body must be valid JSON.")
        }
        // Resend passes over what it does not know; here a misspelt member shows.
        if let extra = members.keys.sorted().first(where: { !Self.fields.contains($0) }) {
            throw Refusal(422, "validation_error", "Unknown field `\(extra)`.")
        }
        for quota in ["daily", "monthly"] where apiKey.contains("\(quota)_quota") {
            throw Refusal(429, "\(quota)_quota_exceeded", "You have reached your \(quota) email sending quota.")
        }
        let from = try sender(body)
        let to = try recipients(body)
        guard body["subject"]?.string?.isEmpty == false else { throw missing("subject") }
        guard body["html"]?.string != nil || body["text"]?.string != nil || body["template"] != nil else {
            throw Refusal(422, "missing_required_field", "Missing `html` or `text` field.")
        }
        let tags = try tags(body)
        let id = "\(RequestID())"
        take(body, id: id, from: from, to: to, reference: tags["message_id"], bytes: request.body.count)
        return .json(200, ["id": .string(id)])
    }

    private func missing(_ field: String) -> Refusal {
        Refusal(422, "missing_required_field", "Missing `\(field)` field.")
    }

    private func sender(_ body: JSONValue) throws(Refusal) -> String {
        guard let text = body["from"]?.string, !text.isEmpty else { throw missing("from") }
        guard let from = Mailbox.address(text) else {
            throw Refusal(422, "validation_error", "Invalid `from` field. \(Self.addressForm)")
        }
        if from.lowercased().contains("@unverified") {
            let domain = from.split(separator: "@").last ?? ""
            let text =
                "The \(domain) domain is not verified. Please, add and verify your domain on https://resend.com/domains"
            throw Refusal(403, "validation_error", text)
        }
        return from
    }

    private func recipients(_ body: JSONValue) throws(Refusal) -> [String] {
        var found: [String] = []
        for list in ["to", "cc", "bcc", "reply_to"] {
            let items: [JSONValue]
            switch body[list] {
            case nil, .null: items = []
            case .array(let values): items = values
            case let value?: items = [value]
            }
            if list == "to", items.isEmpty { throw missing("to") }
            for item in items {
                guard let address = item.string.flatMap({ Mailbox.address($0) }) else {
                    throw Refusal(422, "validation_error", "Invalid `\(list)` field. \(Self.addressForm)")
                }
                if list != "reply_to" { found.append(address) }
            }
        }
        guard found.count <= Self.mostRecipients else {
            throw Refusal(422, "validation_error", "The `to` field must have at most 50 recipients.")
        }
        return found
    }

    private func tags(_ body: JSONValue) throws(Refusal) -> [String: String] {
        guard case .array(let items) = body["tags"] else { return [:] }
        var tags: [String: String] = [:]
        for item in items {
            guard let name = item["name"]?.string, let value = item["value"]?.string, Self.isTag(name),
                Self.isTag(value)
            else {
                let text = "Tags should only contain ASCII letters, numbers, underscores, or dashes."
                throw Refusal(422, "validation_error", text)
            }
            tags[name] = value
        }
        return tags
    }

    private static func isTag(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                $0.isLetterOrDigit || $0 == UInt8(ascii: "_")
                    || $0 == UInt8(ascii: "-")
            }
    }

    private func shown(_ id: String) throws(Refusal) -> SandboxReply {
        guard let message = messages.all.last(where: { $0.provider == name && $0.id == id }) else {
            throw Refusal(404, "not_found", "Email not found")
        }
        return .json(
            200,
            [
                "object": "email", "id": .string(id), "to": .array(message.to.map { .string($0) }),
                "from": .string(message.from), "created_at": .string(message.at.rfc3339),
                "subject": .text(message.subject), "last_event": "delivered",
            ]
        )
    }

    private func take(
        _ body: JSONValue,
        id: String,
        from: String,
        to: [String],
        reference: String?,
        bytes: Int
    ) {
        var headers: [(name: String, value: String)] = []
        if case .object(let members) = body["headers"] {
            headers = members.map { ($0.key, EncodedWords.decode($0.value.string ?? "")) }
        }
        let message = ReceivedMessage(
            id: id,
            provider: name,
            channel: "email",
            at: .now(),
            from: from,
            to: to,
            subject: body["subject"]?.string,
            text: body["text"]?.string,
            html: body["html"]?.string,
            reference: reference,
            headers: headers,
            bytes: bytes,
            files: ReceivedFile.list(body["attachments"], ("content", "filename", "content_type", "content_id")) ?? []
        )
        messages.add(message)
        tellUsual(of: message)
    }
}

/// Idempotency keys by API key, and what was sent under them; kept a day.
final class ResendKeys: Sendable {
    static let keptFor: Duration = .seconds(86_400)
    static let most = 50_000

    enum Beginning: Equatable { case new, running, other, done(String) }

    private struct Use {
        let digest: [UInt8]
        let at: Instant
        /// The message's id once it is sent.
        var id: String?
    }

    private let uses = Mutex<[String: Use]>([:])

    /// Begins a request, or says what has become of the one before it.
    func begin(_ key: String, of apiKey: String, _ digest: [UInt8], at now: Instant) -> Beginning {
        uses.withLock { uses in
            let name = "\(apiKey)\n\(key)"
            if let use = uses[name], now - use.at < Self.keptFor {
                if use.digest != digest { return .other }
                return use.id.map { .done($0) } ?? .running
            }
            if uses.count >= Self.most { uses = uses.filter { now - $0.value.at < Self.keptFor } }
            uses[name] = Use(digest: digest, at: now)
            return .new
        }
    }

    /// Keeps what was sent; what was refused can be asked for again.
    func end(_ key: String, of apiKey: String, with id: String?) {
        uses.withLock { uses in
            let name = "\(apiKey)\n\(key)"
            if let id { uses[name]?.id = id } else { uses[name] = nil }
        }
    }
}

/// The e-mails that somebody has sent to an account, by id.
private final class ResendInbox: Sendable {
    private static let most = 1_000
    private let mails = Mutex<[String: JSONValue]>([:])

    func put(_ mail: JSONValue, as id: String) {
        mails.withLock { if $0.count < Self.most { $0[id] = mail } }
    }

    func mail(_ id: String) -> JSONValue? { mails.withLock { $0[id] } }
}
