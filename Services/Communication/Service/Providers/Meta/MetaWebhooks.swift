import CommunicationAPI
import Contracts
import Core
import Crypto
import ProviderConfig
import Vault

/// Meta's webhooks: who signed them, and what they say of a clinic's number.
///
/// One app secret stands behind all numbers of an app, so that a signature says nothing of the clinic: what is about another
/// number or account is passed over.
struct MetaWebhooks: WebhookReader {
    /// What they are signed with, among the credentials.
    static let key = "appSecret"

    /// The number and the account whose news are a clinic's.
    struct Place: Sendable, Equatable {
        let phoneNumberID: String
        /// `nil` where the clinic has named none.
        let businessAccountID: String?

        init(phoneNumberID: String, businessAccountID: String?) {
            self.phoneNumberID = phoneNumberID
            self.businessAccountID = businessAccountID
        }

        init(_ entry: ProviderEntry) {
            phoneNumberID = entry.credentials.text("phoneNumberId") ?? ""
            businessAccountID = entry.credentials.text("businessAccountId")
        }
    }

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        guard Self.isSigned(call.body, call.headers[Self.header], secrets: entry.webhookSecrets(Self.key, at: now))
        else { return nil }
        let (webhook, place) = (try JSONValue.webhook(call.body), Place(entry))
        let news = try Self.news(webhook, of: place)
        return WebhookContent(
            reports: news.statuses.compactMap(\.report),
            texts: news.heard.compactMap { $0.inbound(to: place.phoneNumberID) },
            alerts: Self.alerts(webhook, of: place),
            changes: news.changes,
            optOuts: news.optOuts
        )
    }

    func mayBeSigned(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) -> Bool {
        call.headers[Self.header]?.hasPrefix("sha256=") == true && !entry.webhookSecrets(Self.key, at: now).isEmpty
    }

    var asksBefore: Bool { true }

    /// They post up to 3 MB.
    var longestBody: Int { 3 << 20 }

    static let header = "x-hub-signature-256"
    /// The end of the year 9999, in seconds since 1970: a time beyond is none.
    static let latest = 253_402_300_799

    /// What became of one message.
    struct Status: Sendable, Equatable {
        /// The same in each delivery of the same status.
        var id: String
        /// Ours, as it was given with the message.
        var message: MessageID?
        var providerMessageID: String
        /// As Meta names it.
        var name: String
        /// Why it failed.
        var code: Int?

        /// What it says of the message; `nil` for what tells nothing new.
        ///
        /// It names no recipient: a number may be spelt otherwise there than it was sent to.
        var report: DeliveryReport? {
            event.map { event in
                DeliveryReport(
                    id: id,
                    message: message,
                    providerMessageID: providerMessageID,
                    event: event,
                    code: event.isFailure ? code.map(String.init) : nil,
                    fault: event == .rejected ? MetaReply.fault(code) : nil
                )
            }
        }

        private var event: DeliveryEvent? {
            switch name {
            case "sent": .sent
            case "delivered": .delivered
            case "read", "played": .opened
            case "failed": MetaReply.event(code)
            default: nil
            }
        }
    }

    /// What somebody wrote or pressed.
    struct Heard: Sendable, Equatable {
        var id: String
        /// Absent for who hides their number.
        var from: PhoneNumber?
        /// What WhatsApp calls them towards the number's business.
        var user: WhatsAppUserID?
        var at: Instant
        /// What they wrote, or what stands on what they pressed.
        var text: String?
        /// What the button was made with.
        var payload: String?
        /// The provider's id of the message that they answer.
        var answers: String?
        /// As they call themselves.
        var profileName: String?
        /// What kind it is, such as `text`, `button` or `image`.
        var kind: String
        /// The picture or file that it is.
        var media: InboundText.Media?

        /// As a text to a number of the clinic's; `nil` of nobody who could be answered.
        func inbound(to number: String) -> InboundText? {
            let phone = from.map { ChannelAddress($0, on: .whatsapp) }
            guard let sender = phone ?? user.map({ ChannelAddress($0) }) else { return nil }
            var inbound = InboundText(
                channel: .whatsapp,
                to: number,
                from: sender,
                text: InboundText.clipped(text ?? ""),
                media: media.map { [$0] } ?? [],
                providerMessageID: id,
                at: at
            )
            inbound.payload = payload
            if from != nil { inbound.alias = user }
            if let answers { inbound.answers = [answers] }
            return inbound
        }
    }

    /// What a webhook says of one place.
    struct News: Sendable, Equatable {
        var statuses: [Status] = []
        var heard: [Heard] = []
        var changes: [WhatsAppIdentityChange] = []
        var optOuts: [CategoryOptOut] = []
    }

    /// Whether `X-Hub-Signature-256` is the HMAC-SHA256 of the raw body under one of the app secrets.
    static func isSigned(_ body: [UInt8], _ header: String?, secrets: [Secret]) -> Bool {
        guard let header, header.hasPrefix("sha256="), let signature = [UInt8](hex: header.dropFirst(7)) else {
            return false
        }
        var isSigned = false
        for secret in secrets {
            let key = SymmetricKey(data: Array(secret.unredacted.utf8))
            let expected = Array(HMAC<SHA256>.authenticationCode(for: body, using: key))
            if constantTimeEqual(signature, expected) { isSigned = true }
        }
        return isSigned
    }

    /// What a webhook says of a place; throws 400 for what is none.
    static func news(_ webhook: JSONValue, of place: Place) throws(Problem) -> News {
        guard webhook["object"]?.string == "whatsapp_business_account" else {
            throw .malformed("The webhook is not about a WhatsApp account.")
        }
        var news = News()
        var count = 0
        // What makes no sense counts too: each takes its time to read.
        func counted(_ value: JSONValue?) throws(Problem) -> [JSONValue] {
            let found = items(value)
            count += found.count
            guard count <= WebhookCall.mostReports else {
                throw .malformed("The webhook speaks of too many messages.")
            }
            return found
        }
        for entry in items(webhook["entry"]) {
            if let account = place.businessAccountID, entry["id"]?.string != account { continue }
            for change in items(entry["changes"]) {
                guard let value = change["value"], value["metadata"]?["phone_number_id"]?.string == place.phoneNumberID
                else { continue }
                switch change["field"]?.string {
                case "messages":
                    let statuses = try counted(value["statuses"])
                    let messages = try counted(value["messages"])
                    let senders = MetaSenders(value["contacts"])
                    news.statuses += statuses.compactMap(status)
                    news.heard += messages.compactMap { heard($0, senders) }
                    news.changes += messages.compactMap { Self.change($0) }
                case preferencesField:
                    let preferences = try counted(value["user_preferences"])
                    news.optOuts += preferences.compactMap { optOut($0) }
                default: break
                }
            }
        }
        return news
    }

    private static func status(_ value: JSONValue) -> Status? {
        guard let id = ProviderVerdict.token(value["id"]?.string),
            let name = ProviderVerdict.token(value["status"]?.string)
        else { return nil }
        return Status(
            id: "\(id):\(name)",
            message: value["biz_opaque_callback_data"]?.string.flatMap { MessageID($0) },
            providerMessageID: id,
            name: name,
            code: name == "failed" ? MetaReply.number(items(value["errors"]).first?["code"]) : nil
        )
    }

    /// What is kept of a message; `nil` for what nobody wrote.
    private static func heard(_ value: JSONValue, _ senders: MetaSenders) -> Heard? {
        guard let id = ProviderVerdict.token(value["id"]?.string), let kind = value["type"]?.string, kind != "system",
            let seconds = MetaReply.number(value["timestamp"]), (1...latest).contains(seconds)
        else { return nil }
        let said = said(value, kind)
        let sender = senders.sender(of: value)
        return Heard(
            id: id,
            from: sender.number.flatMap { PhoneNumber("+\($0)") },
            user: sender.user.flatMap { WhatsAppUserID($0) },
            at: Instant(seconds: Int64(seconds)),
            text: said.text,
            payload: said.payload,
            answers: ProviderVerdict.token((value["context"]?["id"] ?? value["reaction"]?["message_id"])?.string),
            profileName: sender.name,
            kind: kind,
            media: media(value[kind], kind)
        )
    }

    /// The picture or file of a message that is one.
    private static func media(_ content: JSONValue?, _ kind: String) -> InboundText.Media? {
        guard ["image", "video", "audio", "document", "sticker", "voice"].contains(kind),
            let id = ProviderVerdict.token(content?["id"]?.string)
        else { return nil }
        return InboundText.Media(
            id: id,
            type: content?["mime_type"]?.string,
            filename: content?["filename"]?.string
        )
    }

    private static func said(_ value: JSONValue, _ kind: String) -> (text: String?, payload: String?) {
        let content = value[kind]
        switch kind {
        case "text": return (content?["body"]?.string, nil)
        case "button": return (content?["text"]?.string, content?["payload"]?.string)
        case "interactive":
            let reply = content?["button_reply"] ?? content?["list_reply"]
            return (reply?["title"]?.string, reply?["id"]?.string)
        case "reaction": return (content?["emoji"]?.string, nil)
        default: return (content?["caption"]?.string, nil)
        }
    }

    static func items(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let items) = value { items } else { [] }
    }
}
