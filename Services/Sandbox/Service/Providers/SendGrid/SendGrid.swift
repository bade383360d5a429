import Contracts
import Core

/// SendGrid's Web API, version 3 (twilio.com/docs/sendgrid/api-reference): `mail/send` and `scopes`.
struct SendGrid: SandboxProvider {
    let name = "sendgrid"
    let messages: MessageStore
    let webhooks: WebhookSender?

    init(messages: MessageStore, publicURL: String? = nil) {
        self.messages = messages
        webhooks = WebhookSender(
            secretDefault: Self.signingSeedDefault,
            path: "/api/v1/webhooks/communication/sendgrid",
            publicURL: publicURL,
            sign: Self.sign
        )
    }

    private static let help = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."
    private static let fields: Set<String> = [
        "personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id",
        "headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name", "mail_settings",
        "tracking_settings",
    ]
    private static let personalFields: Set<String> = [
        "to", "cc", "bcc", "from", "subject", "headers", "substitutions", "dynamic_template_data", "custom_args",
        "send_at",
    ]
    /// Header lines that it writes itself.
    private static let reserved: Set<String> = [
        "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
        "subject", "reply-to", "cc", "bcc",
    ]
    private static let mostPersonalizations = 1_000
    private static let mostCategories = 10

    private struct Refusal: Error {
        let status: Int
        let message: String
        var field: String?
        var help: String?
    }

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        do throws(Refusal) {
            let maySend = try permission(request.headers["authorization"])
            switch (request.method, path) {
            case ("POST", "/v3/mail/send"):
                guard maySend else { throw Refusal(status: 403, message: "access forbidden") }
                return try send(request)
            case ("GET", "/v3/scopes"):
                return .json(200, ["scopes": maySend ? ["mail.send", "user.profile.read"] : ["user.profile.read"]])
            case ("GET", "/v3/user/webhooks/event/settings/signed"):
                return .json(200, ["public_key": .text(Self.publicKey(Self.signingSeedDefault))])
            case ("GET", "/v3/whitelabel/domains"):
                let domain = request.query.first { $0.0 == "domain" }?.1 ?? ""
                let isVerified = !domain.isEmpty && !domain.lowercased().hasPrefix("unverified")
                return .json(200, isVerified ? [["id": 1, "domain": .string(domain), "valid": true]] : [])
            case ("GET", "/v3/verified_senders"): return .json(200, ["results": []])
            case (_, "/v3/mail/send"), (_, "/v3/scopes"):
                throw Refusal(status: 405, message: "method not allowed")
            default: throw Refusal(status: 404, message: "not found")
            }
        } catch {
            return reply(error)
        }
    }

    func failure(_ status: Int) -> SandboxReply {
        switch status {
        case 429:
            let headers = [
                ("X-RateLimit-Limit", "600"), ("X-RateLimit-Remaining", "0"),
                ("X-RateLimit-Reset", "\(Instant.now().seconds + 1)"),
            ]
            return reply(Refusal(status: 429, message: "too many requests"), headers)
        case 503: return SandboxReply(503, headers: [("Content-Type", "text/html")], body: Array("Unavailable".utf8))
        default: return reply(Refusal(status: 500, message: "internal server error"))
        }
    }

    private func reply(_ refusal: Refusal, _ headers: [(String, String)] = []) -> SandboxReply {
        let error: JSONValue = [
            "message": .string(refusal.message), "field": .text(refusal.field), "help": .text(refusal.help),
        ]
        return .json(refusal.status, ["errors": [error]], headers)
    }

    /// Whether the key may send; any key that begins as theirs do is known, but one that says that it is wrong.
    private func permission(_ header: String?) throws(Refusal) -> Bool {
        guard let header else { throw Refusal(status: 401, message: "Permission denied, wrong credentials") }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0] == "Bearer", parts[1].hasPrefix("SG."),
            SandboxCredential.isAccepted(String(parts[1]))
        else { throw Refusal(status: 401, message: "The provided authorization grant is invalid, expired, or revoked") }
        if parts[1].contains("exhausted") { throw Refusal(status: 401, message: "Maximum credits exceeded") }
        return !parts[1].contains("readonly")
    }

    private func send(_ request: SandboxRequest) throws(Refusal) -> SandboxReply {
        guard request.headers["accept"] != nil else { throw Refusal(status: 406, message: "Not Acceptable") }
        guard request.headers["content-type"]?.hasPrefix("application/json") == true else {
            throw Refusal(status: 415, message: "Content-Type should be application/json.")
        }
        guard let body = request.json, case .object(let members) = body else {
            throw Refusal(status: 400, message: "Bad Request")
        }
        try known(members, Self.fields)
        let to = try recipients(body)
        let from = try sender(body)
        try subjectAndContent(body)
        try headersAndCategories(body)
        let isTrial = body["mail_settings"]?["sandbox_mode"]?["enable"] == .bool(true)
        if isTrial { return SandboxReply(200) }
        let id = RandomText.make(22)
        let message = message(body, id: id, from: from, to: to, bytes: request.body.count)
        messages.add(message)
        tellUsual(of: message)
        return SandboxReply(202, headers: [("X-Message-Id", id)])
    }

    private func known(_ members: [String: JSONValue], _ fields: Set<String>) throws(Refusal) {
        if let extra = members.keys.sorted().first(where: { !fields.contains($0) }) {
            throw Refusal(status: 400, message: "Additional property \(extra) is not allowed")
        }
    }

    private func recipients(_ body: JSONValue) throws(Refusal) -> [String] {
        guard case .array(let people) = body["personalizations"], (1...Self.mostPersonalizations).contains(people.count)
        else {
            let text = "The personalizations field is required and must have at least one personalization."
            throw Refusal(
                status: 400,
                message: text,
                field: "personalizations",
                help: Self.help + "-Personalizations-Errors-"
            )
        }
        var found: [String] = []
        for (index, person) in people.enumerated() {
            guard case .object(let members) = person else { throw Refusal(status: 400, message: "Bad Request") }
            try known(members, Self.personalFields)
            for list in ["to", "cc", "bcc"] {
                let place = "personalizations.\(index).\(list)"
                guard case .array(let items) = person[list], !items.isEmpty else {
                    if list != "to" { continue }
                    let text =
                        "The to array is required for all personalization objects, and must have at least one "
                        + "email object with a valid email address."
                    throw Refusal(status: 400, message: text, field: place, help: Self.help + "personalizations.to")
                }
                for (number, item) in items.enumerated() {
                    guard let address = item["email"]?.string, EmailAddress(address) != nil else {
                        throw invalidAddress("\(place).\(number).email", "personalizations.to")
                    }
                    found.append(address)
                }
            }
        }
        guard Set(found.map { $0.lowercased() }).count == found.count else {
            let text = "Each email address in the personalization block should be unique between to, cc, and bcc."
            throw Refusal(
                status: 400,
                message: text,
                field: "personalizations",
                help: Self.help + "personalizations.to"
            )
        }
        return found
    }

    private func invalidAddress(_ field: String, _ topic: String) -> Refusal {
        Refusal(status: 400, message: "Does not contain a valid address.", field: field, help: Self.help + topic)
    }

    private func sender(_ body: JSONValue) throws(Refusal) -> String {
        guard let from = body["from"]?["email"]?.string else {
            let text =
                "The from object must be provided for every email send. It is an object that requires the "
                + "email parameter, but may also contain a name parameter."
            throw Refusal(status: 400, message: text, field: "from.email", help: Self.help + "from")
        }
        guard EmailAddress(from) != nil else { throw invalidAddress("from.email", "from") }
        if let replyTo = body["reply_to"], replyTo["email"]?.string.flatMap({ EmailAddress($0) }) == nil {
            throw invalidAddress("reply_to.email", "reply_to")
        }
        if from.lowercased().contains("@unverified") {
            let text =
                "The from address does not match a verified Sender Identity. Mail cannot be sent until this "
                + "error is resolved. Visit "
                + "https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender "
                + "Identity requirements"
            throw Refusal(status: 403, message: text, field: "from")
        }
        return from
    }

    private func subjectAndContent(_ body: JSONValue) throws(Refusal) {
        if body["template_id"] != nil { return }
        guard let subject = body["subject"]?.string, !subject.isEmpty else {
            let text =
                "The subject is required. You can get around this requirement if you use a template with a "
                + "subject defined or if every personalization has a subject defined."
            throw Refusal(status: 400, message: text, field: "subject", help: Self.help + "subject")
        }
        guard case .array(let parts) = body["content"], !parts.isEmpty else {
            let text =
                "Unless a valid template_id is provided, the content parameter is required. There must be at "
                + "least one defined content block."
            throw Refusal(status: 400, message: text, field: "content", help: Self.help + "content")
        }
        for (index, part) in parts.enumerated() {
            guard part["type"]?.string?.isEmpty == false, part["value"]?.string?.isEmpty == false else {
                let text = "The content value must be a string at least one character in length."
                throw Refusal(
                    status: 400,
                    message: text,
                    field: "content.\(index).value",
                    help: Self.help + "content.value"
                )
            }
        }
        let types = parts.compactMap { $0["type"]?.string }
        if let plain = types.firstIndex(of: "text/plain"), plain != 0 {
            let text = "If present, text/plain content must be first, followed by text/html and other content."
            throw Refusal(status: 400, message: text, field: "content", help: Self.help + "content")
        }
    }

    private func headersAndCategories(_ body: JSONValue) throws(Refusal) {
        if case .object(let headers) = body["headers"] {
            if let name = headers.keys.sorted().first(where: { Self.reserved.contains($0.lowercased()) }) {
                let text = "The header \(name) is reserved and cannot be overridden."
                throw Refusal(status: 400, message: text, field: "headers", help: Self.help + "headers")
            }
        }
        if Self.files(body) == nil {
            let text = "The attachment content must be base64 encoded."
            throw Refusal(status: 400, message: text, field: "attachments", help: Self.help + "attachments")
        }
        if case .array(let categories) = body["categories"], categories.count > Self.mostCategories {
            let text = "You cannot have more than 10 categories."
            throw Refusal(status: 400, message: text, field: "categories", help: Self.help + "categories")
        }
    }

    private static func files(_ body: JSONValue) -> [ReceivedFile]? {
        ReceivedFile.list(body["attachments"], ("content", "filename", "type", "content_id"))
    }

    private func message(_ body: JSONValue, id: String, from: String, to: [String], bytes: Int) -> ReceivedMessage {
        var parts: [String: String] = [:]
        if case .array(let content) = body["content"] {
            for part in content { parts[part["type"]?.string ?? ""] = part["value"]?.string }
        }
        var headers: [(name: String, value: String)] = []
        if case .object(let members) = body["headers"] {
            headers = members.map { ($0.key, EncodedWords.decode($0.value.string ?? "")) }
        }
        return ReceivedMessage(
            id: id,
            provider: name,
            channel: "email",
            at: .now(),
            from: from,
            to: to,
            subject: body["subject"]?.string,
            text: parts["text/plain"],
            html: parts["text/html"],
            reference: body["custom_args"]?["message_id"]?.string,
            headers: headers,
            bytes: bytes,
            files: Self.files(body) ?? []
        )
    }
}
