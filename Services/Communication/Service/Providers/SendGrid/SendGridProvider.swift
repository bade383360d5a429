import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// SendGrid's Web API, version 3.
struct SendGridProvider: EmailProvider, HTTPProvider {
    static let name = "sendgrid"
    static let claimedHeaders = ["x-sendgrid", "x-sg-", "x-smtpapi"]
    static let keys: [CredentialShape.Key] = [
        .secret("apiKey"), .email("fromEmail"), .text("fromName"), .optional("region"),
        .init(SendGridWebhooks.key, form: .texts, isRequired: false, signsWebhooks: true),
    ]
    static let dkimSelectors = ["s1", "s2"]
    static let returnPath: ReturnPath? = ReturnPath(includes: ["sendgrid.net"])
    /// It takes far more; this keeps one clinic from filling its subuser's window at once.
    static let usualRate = 100.0
    static let mostBytes: Int? = 30_000_000
    static let regions = ["global", "eu"]

    let base: String
    let key: Secret
    let from: EmailAddress
    private let fromName: String
    let http: OutboundHTTP

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let key = credentials.text("apiKey"),
            let from = credentials.sender
        else { return nil }
        self.key = Secret(key)
        self.from = from
        fromName = credentials.text("fromName") ?? ""
        http = transports.http
        base = Self.base(credentials)
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? { SendGridWebhooks() }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if let region = credentials.text("region"), !regions.contains(region) {
            faults.append(.init("region", "must be one of \(regions.joined(separator: ", "))"))
        }
        if !credentials.texts("webhookPublicKey").allSatisfy({ SendGridWebhooks.publicKey($0) != nil }) {
            faults.append(.init("webhookPublicKey", "is not the verification key that their console shows"))
        }
        return faults + keyFaults(credentials, "apiKey") + endpointFaults(credentials, policy)
    }

    static func givesReceipts(_ credentials: Credentials) -> Bool { !credentials.texts("webhookPublicKey").isEmpty }

    static func usualBase(_ credentials: Credentials) -> String {
        credentials.text("region") == "eu" ? "https://api.eu.sendgrid.com" : "https://api.sendgrid.com"
    }

    func send(_ email: EmailToSend, deadline: Deadline) async -> ProviderVerdict {
        guard !email.hasLineBreak, let call = try? sending(email) else { return .lineBreak }
        return await http.verdict(call, deadline: deadline) { SendGridReply.verdict($0, at: .now()) }
    }

    /// Asks what the key may do.
    func check(deadline: Deadline) async -> ProviderVerdict {
        await http.verdict(ProviderCall("GET", base + "/v3/scopes", bearer: key), deadline: deadline) {
            SendGridReply.health($0, at: .now())
        }
    }

    /// The request that hands a message over.
    func sending(_ email: EmailToSend) throws -> ProviderCall {
        var call = ProviderCall("POST", base + "/v3/mail/send", bearer: key)
        try call.carry(try body(email))
        return call
    }

    private func body(_ email: EmailToSend) throws(MIMEError) -> JSONValue {
        var sender: [String: JSONValue] = ["email": .string(from.address)]
        if !fromName.isEmpty { sender["name"] = .string(fromName) }
        // Plain text has to come before HTML.
        var content: [JSONValue] = [["type": "text/plain", "value": .string(email.text)]]
        if let html = email.html { content.append(["type": "text/html", "value": .string(html)]) }
        var body: [String: JSONValue] = [
            "personalizations": [["to": [["email": .string(email.to.address)]]]], "from": .object(sender),
            "subject": .string(email.subject), "content": .array(content),
            "headers": try email.headerMap(),
            // Kept by SendGrid as data about nobody: our id and nothing else.
            "custom_args": ["message_id": .string(email.id.description)],
            // Pixels and rewritten links have no place in mail about somebody's health.
            "tracking_settings": [
                "click_tracking": ["enable": false, "enable_text": false], "open_tracking": ["enable": false],
                "subscription_tracking": ["enable": false],
            ],
        ]
        if let replyTo = email.replyTo { body["reply_to"] = ["email": .string(replyTo.address)] }
        if !email.attachments.isEmpty {
            body["attachments"] = .array(
                email.attachments.map { attachment in
                    var file: [String: JSONValue] = [
                        "content": .base64(attachment.bytes), "filename": .string(attachment.file.filename),
                        "type": .string(attachment.file.contentType),
                        "disposition": attachment.file.contentID == nil ? "attachment" : "inline",
                    ]
                    if let id = attachment.file.contentID { file["content_id"] = .string(id) }
                    return .object(file)
                }
            )
        }
        return .object(body)
    }
}
