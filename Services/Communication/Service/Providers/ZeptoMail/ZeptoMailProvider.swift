import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// ZeptoMail's HTTP API, version 1.1.
struct ZeptoMailProvider: EmailProvider, HTTPProvider {
    static let name = "zeptomail"
    static let claimedHeaders = ["x-zeptomail", "x-zm-", "x-zoho"]
    static let keys: [CredentialShape.Key] = [
        .secret("sendMailToken"), .email("fromEmail"), .text("fromName"), .optional("region"),
        .secrets(ZeptoMailWebhooks.key).signing,
    ]
    /// It names no limit of its own; this is about what one process can hand over.
    static let usualRate = 2_500.0
    static let mostBytes: Int? = 15_000_000
    /// Its customers point a domain below their own to it, and need no record of theirs.
    static let returnPath: ReturnPath? = ReturnPath()
    /// The data centres; a token is valid in its own only.
    static let regions = ["com", "in", "eu", "com.au", "com.cn", "jp", "ca", "sa"]
    static let tokenPrefix = "Zoho-enczapikey "

    private let url: String
    private let token: Secret
    private let from: EmailAddress
    private let fromName: String
    private let http: OutboundHTTP

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let token = credentials.text("sendMailToken"),
            let from = credentials.sender
        else { return nil }
        // Their console copies the token with the prefix.
        self.token = Secret(token.hasPrefix(Self.tokenPrefix) ? token : Self.tokenPrefix + token)
        self.from = from
        fromName = credentials.text("fromName") ?? ""
        http = transports.http
        url = Self.base(credentials) + "/v1.1/email"
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? { ZeptoMailWebhooks() }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if let region = credentials.text("region"), !regions.contains(region) {
            faults.append(.init("region", "must be one of \(regions.joined(separator: ", "))"))
        }
        return faults + endpointFaults(credentials, policy)
    }

    func send(_ email: EmailToSend, deadline: Deadline) async -> ProviderVerdict {
        guard let call = try? sending(email) else { return Self.unencodable }
        return await http.verdict(call, deadline: deadline, reading: ZeptoMailReply.verdict)
    }

    /// A message without anything in it: refused for that by whoever lets us in, and sent by nobody.
    func check(deadline: Deadline) async -> ProviderVerdict {
        guard let call = try? call(.object([:])) else { return Self.unencodable }
        let verdict = await http.verdict(call, deadline: deadline, reading: ZeptoMailReply.verdict)
        return ZeptoMailReply.isAboutContent(verdict) ? ProviderVerdict(.accepted) : verdict
    }

    /// The request that hands a message over.
    func sending(_ email: EmailToSend) throws -> ProviderCall { try call(.email(email, from: from, name: fromName)) }

    private static let unencodable = ProviderVerdict(.contentRejected, host: .untried, code: "unencodable")

    private func call(_ body: JSONValue) throws -> ProviderCall {
        var call = ProviderCall(
            method: "POST",
            url: url,
            headers: [(name: "Authorization", value: token.unredacted), (name: "Accept", value: "application/json")]
        )
        try call.carry(body)
        return call
    }

    static func givesReceipts(_ credentials: Credentials) -> Bool { !credentials.texts("webhookSecret").isEmpty }

    static func usualBase(_ credentials: Credentials) -> String {
        "https://api.zeptomail.\(credentials.text("region") ?? "com")"
    }
}

extension JSONValue {
    /// The body of a send request.
    fileprivate static func email(_ email: EmailToSend, from: EmailAddress, name: String) throws(MIMEError)
        -> JSONValue
    {
        var sender: [String: JSONValue] = ["address": .string(from.address)]
        if !name.isEmpty { sender["name"] = .string(name) }
        var body: [String: JSONValue] = [
            "from": .object(sender), "to": [["email_address": ["address": .string(email.to.address)]]],
            "subject": .string(email.subject), "textbody": .string(email.text),
            // Pixels and rewritten links have no place in mail about somebody's health.
            "track_opens": false, "track_clicks": false, "client_reference": .string(email.id.description),
        ]
        if email.unsubscribeLink != nil || !email.furtherHeaders.isEmpty {
            body["mime_headers"] = try email.headerMap()
        }
        if let html = email.html { body["htmlbody"] = .string(html) }
        if let replyTo = email.replyTo { body["reply_to"] = [["address": .string(replyTo.address)]] }
        let (inline, attached) = (
            email.attachments.filter { $0.file.contentID != nil }, email.attachments.filter { $0.file.contentID == nil }
        )
        if !attached.isEmpty { body["attachments"] = .array(attached.map(zeptoMailFile)) }
        if !inline.isEmpty { body["inline_images"] = .array(inline.map(zeptoMailFile)) }
        return .object(body)
    }

    private static func zeptoMailFile(_ attachment: Attachment) -> JSONValue {
        var file: [String: JSONValue] = [
            "content": .base64(attachment.bytes), "name": .string(attachment.file.filename),
            "mime_type": .string(attachment.file.contentType),
        ]
        if let id = attachment.file.contentID { file["cid"] = .string(id) }
        return .object(file)
    }
}
