import Contracts
import Core

/// Twilio's Messages API for SMS and WhatsApp (twilio.com/docs/messaging/api), and its callbacks.
///
/// Numbers that are refused are those of Twilio's test credentials. A message to `+1500555` and the last four digits of an
/// error of delivery (`3003`, `3005` …) fails with it afterwards; to `+15005553016` WhatsApp's window is closed, so only
/// approved templates arrive; to `+15005552000` a message stays sent; all others are delivered. By hand:
/// `POST /twilio/messages/{sid}/{status}` tells of a further status, `POST /twilio/inbound` plays a patient who writes, and
/// `DELETE /twilio/contents/{sid}` somebody who removes a content at the console.
struct Twilio: SandboxProvider {
    static let tokenDefault = "twilio-sandbox-token"
    private static let formType = "application/x-www-form-urlencoded; charset=UTF-8"
    private static let version = "2010-04-01"

    let name = "twilio"
    let messages: MessageStore
    let webhooks: WebhookSender?
    private let webhookPath = "/api/v1/webhooks/communication/twilio"
    private let publicURL: String?
    private let ledger = TwilioLedger()
    private let contents = TwilioContentShelf()
    private let files = HeldFiles()

    init(messages: MessageStore, publicURL: String? = nil) {
        self.messages = messages
        self.publicURL = publicURL
        webhooks = WebhookSender(secretDefault: Self.tokenDefault, path: webhookPath, publicURL: publicURL) { _, _, _ in
            []
        }
    }

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        let parts = path.split(separator: "/").map(String.init)
        if let reply = files.answer(request, parts, isSigned: true) { return reply }
        do throws(TwilioError) {
            switch (request.method, parts.first, parts.count) {
            case ("POST", "inbound", 1): return try hear(request.json ?? .null)
            case ("POST", "messages", 3): return try tell(parts[1], parts[2], request.json ?? .null)
            case (_, Self.version, 3...): return try api(request, parts, path)
            case ("GET", "v1", 2) where parts[1] == "ContentAndApprovals": return try templates(request)
            case (_, "v1", 2...3) where parts[1] == "Content": return try content(request, parts)
            case ("DELETE", "contents", 2) where contents.remove(parts[1]): return SandboxReply(204)
            default: throw .notFound(path)
            }
        } catch {
            return error.reply
        }
    }

    func failure(_ status: Int) -> SandboxReply {
        switch status {
        case 429: TwilioError(429, 20_429, "Too Many Requests").reply
        case 503: TwilioError(503, 20_503, "Service unavailable").reply
        default: TwilioError(500, 20_500, "An internal server error has occurred").reply
        }
    }

    // MARK: - The API

    private func api(_ request: SandboxRequest, _ parts: [String], _ path: String) throws(TwilioError) -> SandboxReply {
        guard parts[1] == "Accounts" else { throw .notFound(path) }
        let account = parts[2].hasSuffix(".json") ? String(parts[2].dropLast(5)) : parts[2]
        let token = try authenticate(request, account)
        switch (request.method, parts.count) {
        case ("GET", 3) where parts[2].hasSuffix(".json"):
            return .json(
                200,
                [
                    "sid": .string(account), "friendly_name": "Sandbox", "status": "active", "type": "Full",
                    "owner_account_sid": .string(account), "uri": .string("/\(Self.version)/Accounts/\(parts[2])"),
                ]
            )
        case ("POST", 4) where parts[3] == "Messages.json": return try send(request, account, token)
        case ("GET", 4) where parts[3] == "Messages.json": return list(request, account)
        case ("GET", 5) where parts[3] == "Messages" && parts[4].hasSuffix(".json"):
            guard let sent = ledger.find(String(parts[4].dropLast(5))), sent.account == account else {
                throw .notFound(path)
            }
            return .json(200, json(sent))
        case ("GET", 7) where parts[3] == "Messages" && parts[5] == "Media" && files.find(parts[6]) != nil:
            return SandboxReply(307, headers: [("Location", files.address(parts[6], request, under: name))])
        default: throw .notFound(path)
        }
    }

    /// A page of the account's messages, with what they cost.
    private func list(_ request: SandboxRequest, _ account: String) -> SandboxReply {
        func number(_ name: String, _ usual: Int) -> Int {
            request.query.first { $0.0 == name }.flatMap { Int($0.1) } ?? usual
        }
        let (size, page) = (min(max(number("PageSize", 50), 1), 1_000), min(max(number("Page", 0), 0), 1_000_000))
        let all = ledger.all(of: account)
        let shown = all.dropFirst(size * page).prefix(size)
        let path = "/\(Self.version)/Accounts/\(account)/Messages.json"
        let isMore = all.count > size * (page + 1)
        return .json(
            200,
            [
                "messages": .array(shown.map { priced($0) }), "page": .integer(Int64(page)),
                "page_size": .integer(Int64(size)),
                "next_page_uri": isMore ? .string("\(path)?PageSize=\(size)&Page=\(page + 1)") : .null,
            ]
        )
    }

    private func priced(_ sent: TwilioLedger.Sent) -> JSONValue {
        guard case .object(var fields) = json(sent) else { return .null }
        fields["price"] = .string(sent.order.isWhatsApp ? "-0.00500" : "-0.00750")
        return .object(fields)
    }

    private func templates(_ request: SandboxRequest) throws(TwilioError) -> SandboxReply {
        _ = try caller(request)
        let items = [("visit_reminder", "approved"), ("spring_offer", "rejected")].map { name, status -> JSONValue in
            [
                "sid": .string("HX" + String(repeating: name == "visit_reminder" ? "a" : "b", count: 32)),
                "friendly_name": .string(name), "language": "en",
                "approval_requests": ["name": .string(name), "status": .string(status), "category": "UTILITY"],
            ]
        }
        return .json(200, ["contents": .array(items), "meta": ["page": 0, "page_size": 100]])
    }

    /// The account that calls where the path names none.
    private func caller(_ request: SandboxRequest) throws(TwilioError) -> String {
        let header = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        let pair = header.last.flatMap { Base64Text.decode($0) }.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let account = String(pair.prefix { $0 != ":" })
        _ = try authenticate(request, account)
        return account
    }

    /// The account's contents: listed, made and removed; accounts that end with `9` may make none.
    private func content(_ request: SandboxRequest, _ parts: [String]) throws(TwilioError) -> SandboxReply {
        let account = try caller(request)
        switch (request.method, parts.count) {
        case ("GET", 2):
            func number(_ name: String, _ usual: Int) -> Int {
                request.query.first { $0.0 == name }.flatMap { Int($0.1) } ?? usual
            }
            let (size, page, all) = (number("PageSize", 50), number("Page", 0), contents.all(of: account))
            let isMore = all.count > size * (page + 1)
            let next = "https://content.twilio.com/v1/Content?PageSize=\(size)&Page=\(page + 1)"
            return .json(
                200,
                [
                    "contents": .array(all.dropFirst(size * page).prefix(size).map(\.json)),
                    "meta": [
                        "page": .integer(Int64(page)), "page_size": .integer(Int64(size)), "key": "contents",
                        "next_page_url": isMore ? .string(next) : .null,
                    ],
                ]
            )
        case ("POST", 2):
            guard !account.hasSuffix("9") else { throw TwilioError(403, 20_403, "Forbidden") }
            let made = try TwilioContent(request.json)
            contents.add(made, to: account)
            return .json(201, made.json)
        case ("DELETE", 3) where contents.remove(parts[2]): return SandboxReply(204)
        default: throw .notFound("/" + parts.joined(separator: "/"))
        }
    }

    /// Any account and token but those that say that they are wrong; the path is about the account that calls.
    private func authenticate(_ request: SandboxRequest, _ account: String) throws(TwilioError) -> String {
        let header = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard header.count == 2, header[0].lowercased() == "basic", let bytes = Base64Text.decode(header[1]) else {
            throw .unauthenticated
        }
        let pair = String(decoding: bytes, as: UTF8.self).split(separator: ":", maxSplits: 1).map(String.init)
        guard pair.count == 2, TwilioSID.is(pair[0], "AC"), pair[0] == account, SandboxCredential.isAccepted(pair[1])
        else {
            throw .unauthenticated
        }
        ledger.note(pair[1], of: account)
        return pair[1]
    }

    private func send(_ request: SandboxRequest, _ account: String, _ token: String) throws(TwilioError) -> SandboxReply
    {
        guard request.headers["content-type"]?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true,
            let pairs = FormBody.parse(request.body)
        else { throw TwilioError(400, 21_604, "A 'To' phone number is required.") }
        var order = try TwilioOrder(pairs)
        if let content = order.content.flatMap({ contents.find($0, of: account) }) {
            let filled = try content.filled(order.variables)
            order.offer = filled.json
            order.said = filled.text
        } else if let sid = order.content, contents.wasRemoved(sid) {
            throw TwilioError(400, 21_655, "The ContentSid is invalid")
        }
        let sent = TwilioLedger.Sent(
            sid: TwilioSID.make(order.media.isEmpty ? "SM" : "MM"),
            account: account,
            order: order
        )
        ledger.add(sent)
        if order.media.isEmpty {
            arrive(sent, pairs, [], token, bytes: request.body.count)
        } else {
            // Files are fetched after the message was taken.
            Task {
                if let files = await TwilioMedia.fetch(order.media) {
                    arrive(sent, pairs, files, token, bytes: request.body.count)
                } else {
                    tell(sent, "failed", TwilioMedia.unreachable, token)
                }
            }
        }
        return .json(201, json(sent))
    }

    private func arrive(
        _ sent: TwilioLedger.Sent,
        _ pairs: [(name: String, value: String)],
        _ files: [ReceivedFile],
        _ token: String,
        bytes: Int
    ) {
        let order = sent.order
        messages.add(
            ReceivedMessage(
                id: sent.sid,
                provider: name,
                channel: order.isWhatsApp ? "whatsapp" : "sms",
                at: .now(),
                from: order.from ?? order.service ?? "",
                to: [order.number],
                subject: nil,
                text: order.text,
                html: nil,
                reference: Self.reference(order.callback),
                headers: Self.headers(pairs, order),
                bytes: files.reduce(bytes) { $0 + $1.bytes.count },
                files: files
            )
        )
        for (status, code) in Self.way(of: order) { tell(sent, status, code, token) }
    }

    private static func headers(
        _ pairs: [(name: String, value: String)],
        _ order: TwilioOrder
    ) -> [(name: String, value: String)] {
        var headers = pairs.filter { !["To", "From", "Body"].contains($0.name) }
        if let offer = order.offer, let json = try? JSONWriter.encode(offer) {
            headers.append((name: "interactive", value: String(decoding: json, as: UTF8.self)))
        }
        return headers
    }

    /// What the sender's own address says the message is; Twilio has no other place for it.
    private static func reference(_ callback: String?) -> String? {
        let bare = callback?.split(separator: "#", maxSplits: 1).first
        guard let query = bare?.split(separator: "?", maxSplits: 1).dropFirst().first else { return nil }
        return FormBody.parse(query.utf8)?.first.map(\.value)
    }

    private func json(_ sent: TwilioLedger.Sent) -> JSONValue {
        let (order, uri) = (sent.order, "/\(Self.version)/Accounts/\(sent.account)/Messages/\(sent.sid)")
        return [
            "account_sid": .string(sent.account), "api_version": .string(Self.version), "body": .string(order.text),
            "date_created": "Thu, 01 Oct 2026 10:00:00 +0000", "date_sent": .null,
            "date_updated": "Thu, 01 Oct 2026 10:00:00 +0000", "direction": "outbound-api", "error_code": .null,
            "error_message": .null, "from": .text(order.from), "messaging_service_sid": .text(order.service),
            "num_media": .string("\(order.media.count)"), "num_segments": "1", "price": .null, "price_unit": "USD",
            "sid": .string(sent.sid), "status": order.service == nil ? "queued" : "accepted",
            "subresource_uris": ["media": .string("\(uri)/Media.json")], "to": .string(order.to),
            "uri": .string("\(uri).json"),
        ]
    }

    // MARK: - Callbacks

    /// What becomes of a message, by the number it goes to.
    private static func way(of order: TwilioOrder) -> [(status: String, code: Int?)] {
        let sent = (status: "sent", code: Int?.none)
        guard order.number.hasPrefix("+1500555"), let last = Int(order.number.suffix(4)) else {
            return [sent, ("delivered", nil)]
        }
        switch last {
        case 2_000: return [sent]
        case 3_016: return order.content == nil ? [("failed", 63_016)] : [sent, ("delivered", nil)]
        case 3_001...3_008: return [sent, ("undelivered", 27_000 + last)]
        default: return [sent, ("delivered", nil)]
        }
    }

    private func tell(_ sid: String, _ status: String, _ said: JSONValue) throws(TwilioError) -> SandboxReply {
        guard let sent = ledger.find(sid) else { throw .notFound(sid) }
        guard ["sent", "delivered", "undelivered", "failed", "read", "queued", "sending"].contains(status) else {
            throw TwilioError(400, 20_001, "There is no status \(status).")
        }
        let code: Int? = if case .integer(let code) = said["errorCode"] { Int(code) } else { nil }
        tell(sent, status, code, ledger.token(of: sent.account) ?? Self.tokenDefault)
        return .json(200, ["sid": .string(sid), "status": .string(status)])
    }

    private func tell(_ sent: TwilioLedger.Sent, _ status: String, _ code: Int?, _ token: String) {
        guard let callback = sent.order.callback else { return }
        let order = sent.order
        var pairs: [(name: String, value: String)] = [
            ("MessageSid", sent.sid), ("SmsSid", sent.sid), ("MessageStatus", status), ("SmsStatus", status),
            ("To", order.to), ("From", order.from ?? ""), ("AccountSid", sent.account), ("ApiVersion", Self.version),
        ]
        if let service = order.service { pairs.append(("MessagingServiceSid", service)) }
        if let code { pairs.append(("ErrorCode", "\(code)")) }
        if order.isWhatsApp { pairs += [("ChannelPrefix", "whatsapp"), ("ChannelToAddress", order.number)] }
        post(pairs, to: callback, token, type: "message.\(status)", account: sent.account)
    }

    /// Plays a patient who writes: `{to, from, body?, media?, whatsapp?, optOut?, account?, token?, url?, clinic?}`.
    ///
    /// It goes to `url`, else to the registered addresses, else to the clinic's under the installation's address.
    private func hear(_ said: JSONValue) throws(TwilioError) -> SandboxReply {
        guard let to = said["to"]?.string, let from = said["from"]?.string, PhoneNumber(from) != nil else {
            throw TwilioError(400, 21_604, "Say {\"to\", \"from\", \"body\"?, \"media\"?, …} with an E.164 'from'.")
        }
        let account = said["account"]?.string ?? ledger.lastAccount ?? "AC" + String(repeating: "0", count: 32)
        let token = said["token"]?.string ?? ledger.token(of: account)
        let sid = said["sid"]?.string ?? TwilioSID.make("SM")
        let pairs = Self.inbound(said, sid: sid, account: account, to: to, from: from)
        var places: [(url: String, secret: String)] = []
        if let url = said["url"]?.string {
            places = [(url, token ?? Self.tokenDefault)]
        } else if let endpoints = webhooks?.endpoints, !endpoints.isEmpty {
            places = endpoints.map { ($0.url, token ?? $0.secret) }
        } else if let publicURL, let clinic = said["clinic"]?.string {
            places = [("\(publicURL)\(webhookPath)/\(clinic)", token ?? Self.tokenDefault)]
        }
        guard !places.isEmpty else { throw TwilioError(409, 20_001, "There is nowhere to send it.") }
        for place in places { post(pairs, to: place.url, place.secret, type: "message.received", account: account) }
        return .json(200, ["sid": .string(sid)])
    }

    private static func inbound(_ said: JSONValue, sid: String, account: String, to: String, from: String)
        -> [(name: String, value: String)]
    {
        let isWhatsApp = said["whatsapp"] == .bool(true)
        let prefix = isWhatsApp ? "whatsapp:" : ""
        var media: [String] = []
        if case .array(let items) = said["media"] { media = items.compactMap(\.string) }
        var pairs: [(name: String, value: String)] = [
            ("ToCountry", "DE"), ("ToState", ""), ("SmsMessageSid", sid), ("NumMedia", "\(media.count)"),
            ("ToCity", ""),
            ("FromZip", ""), ("SmsSid", sid), ("FromState", ""), ("SmsStatus", "received"), ("FromCity", ""),
            ("Body", said["body"]?.string ?? ""), ("FromCountry", "DE"), ("To", prefix + to), ("ToZip", ""),
            ("NumSegments", "1"), ("MessageSid", sid), ("AccountSid", account), ("From", prefix + from),
            ("ApiVersion", version),
        ]
        for (index, url) in media.enumerated() {
            pairs += [("MediaUrl\(index)", url), ("MediaContentType\(index)", "image/jpeg")]
        }
        if let optOut = said["optOut"]?.string { pairs.append(("OptOutType", optOut)) }
        if isWhatsApp { pairs += [("ProfileName", "Sandbox"), ("WaId", String(from.dropFirst()))] }
        return pairs
    }

    /// Signs and sends; what follows `#` in an address is for Twilio alone.
    private func post(
        _ pairs: [(name: String, value: String)],
        to address: String,
        _ token: String,
        type: String,
        account: String
    ) {
        let url = String(address.split(separator: "#", maxSplits: 1).first ?? "")
        webhooks?.send(
            .init(
                id: "EV\(RandomText.make(24))",
                type: type,
                account: account,
                clinic: nil,
                body: Array(FormBody.text(pairs).utf8),
                place: .init(
                    url: url,
                    contentType: Self.formType,
                    headers: [
                        ("X-Twilio-Signature", TwilioSignature.make(token, url, pairs)),
                        ("I-Twilio-Idempotency-Token", "\(RequestID())"),
                    ]
                )
            )
        )
    }
}
