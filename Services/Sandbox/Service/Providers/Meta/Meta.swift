import AsyncHTTPClient
import Contracts
import Core
import Crypto
import NIOCore
import NIOHTTP1

/// Meta's WhatsApp Cloud API (developers.facebook.com/documentation/business-messaging/whatsapp), and its webhooks.
///
/// A number that begins with `1500` and ends with the code of an error gets that error, at once or afterwards as the real one
/// tells it; to all others free text arrives only within a day after they wrote. By hand: `POST /meta/messages/{id}/{status}`
/// tells of a further status, `POST /meta/inbound` plays a patient who writes or presses a button, `POST /meta/preferences` one
/// who stops offers or wants them again, and
/// `POST /meta/subscribe {url, verifyToken, secret}` registers an address after the handshake.
struct Meta: SandboxProvider {
    static let secretDefault = "meta-sandbox-secret"
    /// The business account of every number here.
    static let businessAccount = "102290129340398"
    static let displayNumber = "15550783881"

    let name = "meta"
    let messages: MessageStore
    let webhooks: WebhookSender?
    private let ledger = MetaLedger()
    private let files = HeldFiles()

    init(messages: MessageStore, publicURL: String? = nil) {
        self.messages = messages
        webhooks = WebhookSender(
            secretDefault: Self.secretDefault,
            path: "/api/v1/webhooks/communication/meta",
            publicURL: publicURL,
            sign: Self.sign
        )
    }

    /// `X-Hub-Signature-256`: HMAC-SHA256 of the body under the app secret.
    static func sign(_ secret: String, _ body: [UInt8], _ at: Instant) -> [(String, String)] {
        let code = HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: Array(secret.utf8)))
        return [("X-Hub-Signature-256", "sha256=\(Array(code).hex)")]
    }

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        var parts = path.split(separator: "/").map(String.init)
        if let reply = files.answer(request, parts, isSigned: false) { return reply }
        do throws(MetaError) {
            switch (request.method, parts.first, parts.count) {
            case ("POST", "inbound", 1): return try hear(request.json ?? .null)
            case ("POST", "preferences", 1): return try prefer(request.json ?? .null)
            case ("POST", "subscribe", 1): return try await subscribe(request.json ?? .null)
            case ("POST", "messages", 3): return try tell(parts[1], parts[2])
            default: break
            }
            if let version = parts.first, version.hasPrefix("v"), version.contains(".") { parts.removeFirst() }
            try authenticate(request)
            guard let number = parts.first, number.allSatisfy({ ("0"..."9").contains($0) }) else {
                throw .noObject(parts.first ?? "", request.method)
            }
            switch (request.method, parts.count) {
            case ("GET", 1) where files.find(number) != nil: return media(number, request)
            case ("GET", 1): return ledger.media(number).map { Self.shown($0, number) } ?? state(of: number, request)
            case ("POST", 2) where parts[1] == "media": return try take(request)
            case ("GET", 2) where parts[1] == "message_templates": return Self.templates(of: number)
            case ("POST", 2) where parts[1] == "messages": return try send(request, from: number)
            default: throw .noObject(parts.joined(separator: "/"), request.method)
            }
        } catch {
            return error.reply
        }
    }

    func failure(_ status: Int) -> SandboxReply {
        switch status {
        case 429: return MetaError(429, 130_429, "(#130429) Rate limit hit").reply
        case 503: return SandboxReply(503, headers: [("Content-Type", "text/html")], body: Array("Unavailable".utf8))
        default:
            var error = MetaError(500, 131_000, "(#131000) Something went wrong")
            error.isTransient = true
            return error.reply
        }
    }

    // MARK: - The API

    /// Any token but those that say that they are wrong.
    private func authenticate(_ request: SandboxRequest) throws(MetaError) {
        guard let header = request.headers["authorization"], header.hasPrefix("Bearer "), header.utf8.count > 7 else {
            throw MetaError(401, 104, "An access token is required to request this resource.")
        }
        let token = String(header.dropFirst(7))
        guard SandboxCredential.isAccepted(token) else {
            throw MetaError(401, 190, "Invalid OAuth access token - Cannot parse access token")
        }
        if token.contains("unpermitted") {
            throw MetaError(403, 10, "(#10) Application does not have permission for this action")
        }
    }

    /// Accounts whose id ends with 9 have a template that was refused.
    private static func templates(of account: String) -> SandboxReply {
        var items: [JSONValue] = [
            ["name": "visit_reminder_2", "status": "APPROVED", "language": "en", "id": "1"],
            ["name": "auth_code_1", "status": "APPROVED", "language": "en", "id": "2"],
        ]
        if account.hasSuffix("9") {
            items.append(["name": "spring_offer", "status": "REJECTED", "language": "en", "id": "3"])
        }
        return .json(200, ["data": .array(items), "paging": ["cursors": ["before": "a", "after": "b"]]])
    }

    /// What somebody has sent: where it lies for the next minutes.
    private func media(_ id: String, _ request: SandboxRequest) -> SandboxReply {
        guard let file = files.find(id) else { return MetaError.noObject(id, request.method).reply }
        return .json(
            200,
            [
                "messaging_product": "whatsapp", "url": .string(files.address(id, request, under: name)),
                "mime_type": .string(file.type), "sha256": .string(file.sha256),
                "file_size": .integer(Int64(file.bytes.count)), "id": .string(id),
            ]
        )
    }

    private func state(of number: String, _ request: SandboxRequest) -> SandboxReply {
        let isBlocked = request.headers["authorization"]?.contains("blocked") == true
        var entity: [String: JSONValue] = [
            "entity_type": "PHONE_NUMBER", "id": .string(number),
            "can_send_message": isBlocked ? "BLOCKED" : "AVAILABLE",
        ]
        if isBlocked {
            entity["errors"] = [
                ["error_code": 141_006, "error_description": "There is an error with the payment method."]
            ]
        }
        return .json(
            200,
            [
                "health_status": [
                    "can_send_message": isBlocked ? "BLOCKED" : "AVAILABLE", "entities": [.object(entity)],
                ],
                "quality_rating": "GREEN", "code_verification_status": "VERIFIED", "name_status": "APPROVED",
                "status": "CONNECTED", "throughput": ["level": "STANDARD"], "messaging_limit_tier": "TIER_1K",
                "id": .string(number),
            ]
        )
    }

    /// Keeps a file for the messages that will name it.
    private func take(_ request: SandboxRequest) throws(MetaError) -> SandboxReply {
        guard let form = MultipartBody(request), form["messaging_product"]?.bytes == Array("whatsapp".utf8) else {
            throw .missing("messaging_product")
        }
        guard let file = form["file"], let name = file.filename, !name.isEmpty else { throw .missing("file") }
        let type = form["type"].map { String(decoding: $0.bytes, as: UTF8.self) } ?? file.type ?? ""
        try MetaMedia.check(type, size: file.bytes.count)
        let id = ledger.add(ReceivedFile(name: name, type: type, contentID: nil, bytes: file.bytes))
        return .json(200, ["id": .string(id)])
    }

    private static func shown(_ file: ReceivedFile, _ id: String) -> SandboxReply {
        .json(
            200,
            [
                "messaging_product": "whatsapp", "id": .string(id), "mime_type": .string(file.type),
                "sha256": .string(Array(SHA256.hash(data: file.bytes)).hex),
                "file_size": .integer(Int64(file.bytes.count)),
                "url": .string("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=\(id)"),
            ]
        )
    }

    private func send(_ request: SandboxRequest, from number: String) throws(MetaError) -> SandboxReply {
        guard request.headers["content-type"]?.lowercased().hasPrefix("application/json") == true else {
            throw .missing("messaging_product")
        }
        let order = try MetaOrder(request.json)
        let file = order.media.flatMap { ledger.media($0) }
        if let id = order.media, file == nil { throw .wrong("\(id) is not a media ID of this account") }
        let error = MetaError.of(order)
        if let error, MetaError.isTold(at: order.to) || !MetaError.told.contains(error.code) { throw error }
        let sent = MetaLedger.Sent(id: Self.messageID(), number: number, order: order)
        ledger.add(sent)
        note(sent, file, request)
        let isClosed = !order.isTemplate && !ledger.isOpen(order.to, with: number, at: .now())
        if let file, let wrong = MetaMedia.fault(file, as: order.type) {
            tell(sent, "failed", wrong)
        } else if let failure = error ?? (isClosed ? MetaError.byNumber[131_047] : nil) {
            tell(sent, "failed", failure)
        } else {
            tell(sent, "sent")
            tell(sent, "delivered")
        }
        var message: [String: JSONValue] = ["id": .string(sent.id)]
        if order.isTemplate { message["message_status"] = "accepted" }
        return .json(
            200,
            [
                "messaging_product": "whatsapp",
                "contacts": [
                    ["input": .string(order.input), (order.isToUser ? "user_id" : "wa_id"): .string(order.to)]
                ],
                "messages": [.object(message)],
            ]
        )
    }

    private static func messageID() -> String { "wamid.\(Base64.encode(Array(RandomText.make(36).utf8)))" }

    private func note(_ sent: MetaLedger.Sent, _ file: ReceivedFile?, _ request: SandboxRequest) {
        var headers = [(name: "type", value: sent.order.type)]
        if let template = request.json?["template"]?["name"]?.string { headers.append(("template", template)) }
        for (name, value) in [
            ("components", request.json?["template"]?["components"]), ("interactive", request.json?["interactive"]),
        ] {
            guard let value, let json = try? JSONWriter.encode(value) else { continue }
            headers.append((name, String(decoding: json, as: UTF8.self)))
        }
        messages.add(
            ReceivedMessage(
                id: sent.id,
                provider: name,
                channel: "whatsapp",
                at: .now(),
                from: sent.number,
                to: [sent.order.isToUser ? sent.order.to : "+\(sent.order.to)"],
                subject: nil,
                text: sent.order.text,
                html: nil,
                reference: sent.order.callbackData,
                headers: headers,
                bytes: request.body.count + (file?.bytes.count ?? 0),
                files: file.map { [$0] } ?? []
            )
        )
    }

    // MARK: - Webhooks

    private func tell(_ id: String, _ status: String) throws(MetaError) -> SandboxReply {
        guard let sent = ledger.find(id) else { throw .noObject(id, "POST") }
        guard ["sent", "delivered", "read", "failed", "played"].contains(status) else {
            throw .wrong("There is no status \(status).")
        }
        tell(sent, status, status == "failed" ? MetaError.byNumber[131_026] : nil)
        return .json(200, ["id": .string(id), "status": .string(status)])
    }

    private func tell(_ sent: MetaLedger.Sent, _ status: String, _ error: MetaError? = nil) {
        var notice: [String: JSONValue] = [
            "id": .string(sent.id), "status": .string(status), "timestamp": .string("\(Instant.now().seconds)"),
            (sent.order.isToUser ? "recipient_user_id" : "recipient_id"): .string(sent.order.to),
        ]
        if let data = sent.order.callbackData { notice["biz_opaque_callback_data"] = .string(data) }
        if let error {
            notice["errors"] = [error.notice]
        } else {
            notice["pricing"] = [
                "billable": true, "pricing_model": "PMP", "category": "utility", "type": "regular",
            ]
        }
        post(["statuses": [.object(notice)]], of: sent.number, id: "\(sent.id) \(status)", type: "message.\(status)")
    }

    /// Plays a patient: `{from?, userId?, to?, text? | button?: {payload, text} | reply?: {id, title}, contextId?, id?}`.
    ///
    /// `to` is the phone number id; without it the one that sent last. Who hides their number has a `userId` and no `from`.
    private func hear(_ said: JSONValue) throws(MetaError) -> SandboxReply {
        let from = said["from"]?.string.map { $0.filter { ("0"..."9").contains($0) } }.flatMap { $0.isEmpty ? nil : $0 }
        let user = said["userId"]?.string
        guard from != nil || user != nil, let number = said["to"]?.string ?? ledger.lastNumber else {
            throw .wrong("Say {\"from\" | \"userId\", \"to\"?, \"text\" | \"button\" | \"reply\"}.")
        }
        let id = said["id"]?.string ?? Self.messageID()
        var message: [String: JSONValue] = [
            "id": .string(id), "timestamp": .string("\(Instant.now().seconds)"),
        ]
        var contact: [String: JSONValue] = ["profile": ["name": "Asha Sandbox"]]
        if let from { (message["from"], contact["wa_id"]) = (.string(from), .string(from)) }
        if let user { (message["from_user_id"], contact["user_id"]) = (.string(user), .string(user)) }
        if let button = said["button"] {
            message["type"] = "button"
            message["button"] = button
        } else if let reply = said["reply"] {
            message["type"] = "interactive"
            message["interactive"] = ["type": "button_reply", "button_reply": reply]
        } else {
            message["type"] = "text"
            message["text"] = ["body": .string(said["text"]?.string ?? "")]
        }
        if let context = said["contextId"] {
            message["context"] = ["from": .string(Self.displayNumber), "id": context]
        }
        for name in [from, user].compactMap({ $0 }) { ledger.hear(from: name, at: number, now: .now()) }
        post(
            ["contacts": [.object(contact)], "messages": [.object(message)]],
            of: number,
            id: id,
            type: "message.received"
        )
        return .json(200, ["id": .string(id)])
    }

    /// Plays a patient who stops offers, or wants them again: `{from?, userId?, to?, value: "stop" | "resume"}`.
    private func prefer(_ said: JSONValue) throws(MetaError) -> SandboxReply {
        let from = said["from"]?.string.map { $0.filter { ("0"..."9").contains($0) } }.flatMap { $0.isEmpty ? nil : $0 }
        let user = said["userId"]?.string
        guard from != nil || user != nil, let number = said["to"]?.string ?? ledger.lastNumber,
            let value = said["value"]?.string, ["stop", "resume"].contains(value)
        else { throw .wrong("Say {\"from\" | \"userId\", \"to\"?, \"value\": \"stop\" | \"resume\"}.") }
        var contact: [String: JSONValue] = ["profile": ["name": "Asha Sandbox"]]
        var preference: [String: JSONValue] = [
            "detail": .string("User requested to \(value) marketing messages"), "category": "marketing_messages",
            "value": .string(value), "timestamp": .integer(Instant.now().seconds),
        ]
        for (name, id) in [("wa_id", from), ("user_id", user)] {
            guard let id else { continue }
            (contact[name], preference[name]) = (.string(id), .string(id))
        }
        post(
            ["contacts": [.object(contact)], "user_preferences": [.object(preference)]],
            of: number,
            id: RandomText.make(24),
            type: "user_preferences.\(value)",
            field: "user_preferences"
        )
        return .json(200, ["value": .string(value)])
    }

    private func post(
        _ news: [String: JSONValue],
        of number: String,
        id: String,
        type: String,
        field: String = "messages"
    ) {
        let metadata: JSONValue = [
            "display_phone_number": .string(Self.displayNumber), "phone_number_id": .string(number),
        ]
        let value = news.merging(["messaging_product": "whatsapp", "metadata": metadata]) { first, _ in first }
        let notice: JSONValue = [
            "object": "whatsapp_business_account",
            "entry": [
                ["id": .string(Self.businessAccount), "changes": [["field": .string(field), "value": .object(value)]]]
            ],
        ]
        guard let body = try? JSONWriter.encode(notice) else { return }
        webhooks?.send(.init(id: id, type: type, account: number, clinic: nil, body: Self.escaped(body)))
    }

    /// Meta writes everything that is not ASCII as `\uXXXX`: whoever reads and writes it anew has other bytes.
    static func escaped(_ json: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            if scalar.isASCII {
                out += String(scalar).utf8
            } else {
                for unit in String(scalar).utf16 { out += "\\u\([UInt8(unit >> 8), UInt8(unit & 0xFF)].hex)".utf8 }
            }
        }
        return out
    }

    /// Meta's handshake: the address has to give a challenge back before notices go there.
    private func subscribe(_ said: JSONValue) async throws(MetaError) -> SandboxReply {
        guard let url = said["url"]?.string, let token = said["verifyToken"]?.string else {
            throw .wrong("Say {\"url\", \"verifyToken\", \"secret\"?}.")
        }
        let challenge = "\(Int64.random(in: 1_000_000_000...9_999_999_999))"
        let query = [("hub.mode", "subscribe"), ("hub.challenge", challenge), ("hub.verify_token", token)]
            .map { "\($0.0)=\(PercentCoding.encode($0.1))" }.joined(separator: "&")
        let answer = await Self.get("\(url)?\(query)")
        guard answer == challenge else {
            let text =
                "(#2200) Callback verification failed with the following errors: Response does not match challenge"
            throw MetaError(400, 2_200, text)
        }
        guard let endpoint = webhooks?.add(url, said["secret"]?.string) else { throw .wrong("url") }
        return .json(200, endpoint.json)
    }

    private static func get(_ url: String) async -> String? {
        guard let response = try? await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(10)),
            response.status == .ok, let body = try? await response.body.collect(upTo: 4_096)
        else { return nil }
        return String(decoding: body.readableBytesView, as: UTF8.self)
    }
}
