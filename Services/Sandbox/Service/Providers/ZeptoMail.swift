import Contracts
import Core
import Crypto

/// ZeptoMail's API for single e-mails (zoho.com/zeptomail/help/api): `POST /v1.1/email`.
struct ZeptoMail: SandboxProvider {
    let name = "zeptomail"
    let messages: MessageStore
    let webhooks: WebhookSender?

    init(messages: MessageStore, publicURL: String? = nil) {
        self.messages = messages
        webhooks = WebhookSender(
            secretDefault: Self.authenticationKeyDefault,
            path: "/api/v1/webhooks/communication/zeptomail",
            publicURL: publicURL,
            sign: Self.sign
        )
    }

    /// `producer-signature`: HMAC-SHA256 of the body under the webhook's authentication key, URL-encoded base64.
    static func sign(_ key: String, _ body: [UInt8], _ at: Instant) -> [(String, String)] {
        let code = HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: Array(key.utf8)))
        let text = PercentCoding.encode(Base64.encode(Array(code)))
        return [("producer-signature", "ts=\(at.microseconds / 1_000);s=\(text);s-algorithm=HmacSHA256")]
    }

    static let authenticationKeyDefault = "zeptomail-sandbox-key"

    private static let fields: Set<String> = [
        "from", "to", "cc", "bcc", "reply_to", "subject", "htmlbody", "textbody", "attachments", "inline_images",
        "track_opens", "track_clicks", "client_reference", "mime_headers", "bounce_address", "template_key",
        "template_alias", "merge_info",
    ]

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        guard path == "/v1.1/email" else {
            return refusal(404, "TM_3501", "URL_RULE_NOT_CONFIGURED", "URL rule is not configured")
        }
        guard request.method == "POST" else {
            return refusal(405, "TM_3501", "METHOD_NOT_ALLOWED", "Method not allowed")
        }
        guard isAuthorized(request.headers["authorization"]) else {
            return refusal(401, "TM_4001", "SERR_157", "Invalid API Token found", summary: "Access Denied")
        }
        guard request.headers["content-type"]?.hasPrefix("application/json") == true, let body = request.json,
            case .object(let members) = body
        else { return refusal(400, "TM_3301", "SM_101", "Invalid JSON format", summary: "JSON is malformed") }
        if let extra = members.keys.sorted().first(where: { !Self.fields.contains($0) }) {
            return refusal(400, "TM_3301", "SM_101", "Extra key found in the JSON", target: extra)
        }
        if let refusal = missing(in: body) ?? wrong(in: body) { return refusal }
        let id = "\(RandomText.make(8).lowercased()).\(RandomText.make(16).lowercased()).t1.\(RequestID())"
        take(body, id: id, bytes: request.body.count)
        return .json(
            201,
            [
                "data": [["code": "EM_104", "additional_info": [], "message": "Email request received"]],
                "message": "OK", "request_id": .string(id), "object": "email",
            ]
        )
    }

    func failure(_ status: Int) -> SandboxReply {
        switch status {
        case 429: refusal(429, "TM_3601", "SERR_429", "Too many requests", headers: [("Retry-After", "1")])
        case 503: SandboxReply(503, headers: [("Content-Type", "text/html")], body: Array("Service Unavailable".utf8))
        default: refusal(500, "TM_5001", "SERR_500", "Internal server error")
        }
    }

    /// Any token but one that says that it is wrong; with the prefix that the console copies.
    private func isAuthorized(_ header: String?) -> Bool {
        let parts = (header ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "zoho-enczapikey" else { return false }
        return SandboxCredential.isAccepted(String(parts[1]))
    }

    private func missing(in body: JSONValue) -> SandboxReply? {
        let isTemplate = body["template_key"] != nil || body["template_alias"] != nil
        for field in ["from", "to", "subject"] where field != "subject" || !isTemplate {
            if isEmpty(body[field]) { return mandatory(field) }
        }
        if isEmpty(body["from"]?["address"]) { return mandatory("from.address") }
        if !isTemplate && isEmpty(body["htmlbody"]) && isEmpty(body["textbody"]) { return mandatory("htmlbody") }
        return nil
    }

    private func isEmpty(_ value: JSONValue?) -> Bool {
        switch value {
        case nil, .null, .string(""), .array([]): true
        default: false
        }
    }

    private func mandatory(_ field: String) -> SandboxReply {
        let text = "Mandatory Field '\(field)' was set as Empty Value"
        return refusal(400, "TM_3201", "GE_102", text, target: field, summary: text)
    }

    private func wrong(in body: JSONValue) -> SandboxReply? {
        let from = body["from"]?["address"]?.string ?? ""
        guard let sender = EmailAddress(from) else { return invalid("from.address", from) }
        if sender.domain.hasPrefix("unverified") {
            return refusal(
                400,
                "TM_4001",
                "SM_111",
                "Sender address or domain is not verified",
                target: "from.address",
                summary: "Access Denied"
            )
        }
        for list in ["to", "cc", "bcc"] {
            guard let entries = body[list] else { continue }
            guard case .array(let items) = entries else { return invalid(list, "") }
            for item in items {
                let address = item["email_address"]?["address"]?.string ?? ""
                guard EmailAddress(address) != nil else { return invalid("\(list).email_address.address", address) }
            }
        }
        return nil
    }

    private func invalid(_ field: String, _ value: String) -> SandboxReply {
        refusal(400, "TM_3301", "SM_113", "Invalid value in the field", target: field, value: value)
    }

    private func refusal(
        _ status: Int,
        _ code: String,
        _ detail: String,
        _ text: String,
        target: String? = nil,
        value: String? = nil,
        summary: String? = nil,
        headers: [(String, String)] = []
    ) -> SandboxReply {
        var entry: [String: JSONValue] = ["code": .string(detail), "message": .string(text)]
        if let target { entry["target"] = .string(target) }
        if let value { entry["target_value"] = .string(value) }
        return .json(
            status,
            [
                "error": [
                    "code": .string(code), "details": [.object(entry)], "message": .string(summary ?? text),
                    "request_id": .string("\(RandomText.make(16).lowercased())"),
                ]
            ],
            headers
        )
    }

    func tell(_ event: MailEvent, of message: ReceivedMessage, to recipients: [String]) -> Bool {
        guard let type = Self.types[event] else { return false }
        let time = JSONValue.string(Instant.now().rfc3339)
        let details = recipients.map { recipient -> JSONValue in
            switch event {
            case .hardBounce, .softBounce:
                [
                    "time": time, "bounced_recipient": .string(recipient), "reason": "unknown-user",
                    "diagnostic_message": "550 5.1.1 No such user",
                ]
            case .complaint: ["time": time, "to": .string(recipient)]
            default: ["time": time]
            }
        }
        let id = "\(RequestID())"
        let notice: JSONValue = [
            "event_name": [.string(type)],
            "event_message": [
                [
                    "email_info": [
                        "client_reference": .text(message.reference), "email_reference": .string(message.id),
                        "to": .array(message.to.map { ["email_address": ["address": .string($0)]] }),
                        "from": ["address": .string(message.from)], "subject": .text(message.subject),
                    ],
                    "event_data": [["object": "email", "details": .array(details)]],
                    "request_id": .string(message.id),
                ]
            ],
            "mailagent_key": "sandbox", "webhook_request_id": .string(id),
        ]
        guard let bytes = try? JSONWriter.encode(notice) else { return false }
        webhooks?.send(.init(id: id, type: type, account: "sandbox", clinic: nil, body: bytes))
        return true
    }

    /// What it tells of, spelt as it spells it.
    private static let types: [MailEvent: String] = [
        .delivered: "delivered", .softBounce: "softbounce", .hardBounce: "hardbounce", .open: "email_open",
        .complaint: "fbl_compliant",
    ]

    private func take(_ body: JSONValue, id: String, bytes: Int) {
        let to = ["to", "cc", "bcc"].flatMap { list -> [String] in
            guard case .array(let items) = body[list] else { return [] }
            return items.compactMap { $0["email_address"]?["address"]?.string }
        }
        var headers: [(name: String, value: String)] = []
        if case .object(let members) = body["mime_headers"] {
            headers = members.map { ($0.key, EncodedWords.decode($0.value.string ?? "")) }
        }
        let message = ReceivedMessage(
            id: id,
            provider: name,
            channel: "email",
            at: .now(),
            from: body["from"]?["address"]?.string ?? "",
            to: to,
            subject: body["subject"]?.string,
            text: body["textbody"]?.string,
            html: body["htmlbody"]?.string,
            reference: body["client_reference"]?.string,
            headers: headers,
            bytes: bytes,
            files: ["attachments", "inline_images"].flatMap {
                ReceivedFile.list(body[$0], ("content", "name", "mime_type", "cid")) ?? []
            }
        )
        messages.add(message)
        tellUsual(of: message)
    }
}
