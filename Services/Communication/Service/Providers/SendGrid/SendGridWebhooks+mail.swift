import Contracts
import Core

/// SendGrid's Inbound Parse, which posts e-mails as forms; a security policy of the account has them signed as events are.
extension SendGridWebhooks {
    /// Fields and files of one form.
    private static let mostFields = 500

    static func isForm(_ call: WebhookCall) -> Bool {
        call.headers["content-type"]?.lowercased().hasPrefix("multipart/form-data") == true
    }

    /// The e-mail of a form: as it travelled, where the account has chosen so, else as they have taken it apart.
    static func mail(_ call: WebhookCall) throws(Problem) -> InboundMail {
        let head = Array("Content-Type: \(call.headers["content-type"] ?? "")".utf8)
        let (fields, further) = MailEntity(header: head[...], body: call.body[...]).countedParts(most: mostFields)
        func field(_ name: String) -> [UInt8]? { fields.first { $0.disposition?["name"] == name }?.content }
        func json(_ name: String) -> JSONValue? {
            guard let bytes = field(name), bytes.count <= InboundMail.longestPart else { return nil }
            return try? JSONTape(bytes).decode(JSONValue.self)
        }
        let envelope = json("envelope")
        let sender = envelope?["from"]?.string
        if let raw = field("email") { return InboundMail(raw, envelopeSender: sender) }
        guard let headers = field("headers") else { throw .malformed("The form holds no e-mail.") }
        let charsets = json("charsets")
        func text(_ name: String) -> String? {
            field(name).map { MailCharset.decode($0.prefix(InboundMail.longestPart), charsets?[name]?.string) }
        }
        let all = fields.filter { $0.filename != nil }
        let parts = all.prefix(InboundMail.mostFiles).map { ($0, $0.content) }
        var mail = InboundMail(
            MailEntity(headers[...]),
            text: text("text") ?? text("html").map { HTMLText.plain($0) } ?? "",
            files: parts.map { .init(type: $0.type.value, filename: $0.filename, size: $1.count) },
            report: nil,
            envelopeSender: sender,
            digest: InboundMail.digest(call.body)
        )
        mail.contents = Dictionary(uniqueKeysWithValues: parts.enumerated().map { ($0.offset, $0.element.1) })
        // Texts come first: what is beyond the fields that are read are files.
        mail.leftOut = all.count - parts.count + further
        return mail
    }
}
