import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// Resend's API: what carries the same key is sent once, however often it is asked for.
struct ResendProvider: EmailProvider, HTTPProvider {
    static let name = "resend"
    static let claimedHeaders = ["x-resend"]
    static let keys: [CredentialShape.Key] = [
        .secret("apiKey"), .email("fromEmail"), .text("fromName"), .optional("region"),
        .secrets(ResendWebhooks.key).signing,
    ]
    static let dkimSelectors = ["resend"]
    /// Its servers are Amazon's.
    static let returnPath: ReturnPath? = ReturnPath(includes: ["amazonses.com"], label: "send")
    /// What a team begins with.
    static let usualRate = 2.0
    static let mostBytes: Int? = 40_000_000
    /// Keys are kept for 24 hours; the last hour is left for clocks and queues.
    static let repeatTime: Duration? = .seconds(23 * 3_600)
    /// Where sending domains can be; the API is at one address for all of them.
    static let regions = ["us-east-1", "eu-west-1", "sa-east-1", "ap-northeast-1"]

    let base: String
    let key: Secret
    private let from: String
    /// The sender's, as the provider verifies it.
    let domain: String
    let http: OutboundHTTP

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let key = credentials.text("apiKey"),
            let from = credentials.sender
        else { return nil }
        self.key = Secret(key)
        domain = from.domain
        self.from = Self.sender(from, credentials.text("fromName") ?? "")
        http = transports.http
        base = Self.base(credentials)
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? {
        ResendWebhooks(http: transports.http)
    }

    static func mediaKeeper(through transports: ProviderTransports) -> (any MediaKeeper)? {
        ResendMedia(http: transports.http)
    }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if let region = credentials.text("region"), !regions.contains(region) {
            faults.append(.init("region", "must be one of \(regions.joined(separator: ", "))"))
        }
        if !credentials.texts("webhookSecret").allSatisfy({ SvixSignature.key(Secret($0)) != nil }) {
            let wrong = "is not a signing secret, which begins with \(SvixSignature.secretPrefix)"
            faults.append(.init("webhookSecret", wrong))
        }
        return faults + keyFaults(credentials, "apiKey") + endpointFaults(credentials, policy)
    }

    static func givesReceipts(_ credentials: Credentials) -> Bool { !credentials.texts("webhookSecret").isEmpty }

    static func usualBase(_ credentials: Credentials) -> String { "https://api.resend.com" }

    func send(_ email: EmailToSend, deadline: Deadline) async -> ProviderVerdict {
        guard !email.hasLineBreak, let call = try? sending(email) else { return .lineBreak }
        var verdict = await http.verdict(call, deadline: deadline, reading: ResendReply.verdict)
        verdict.isRepeatable = verdict.outcome == .unknownOutcome && verdict.code != ResendReply.otherText
        return verdict
    }

    /// Asks for the domains; a key that may only send is told so, which is good enough.
    func check(deadline: Deadline) async -> ProviderVerdict {
        await http.verdict(
            ProviderCall("GET", base + "/domains", bearer: key),
            deadline: deadline,
            reading: ResendReply.health
        )
    }

    /// The request that hands a message over; byte for byte the same for every try of a message.
    func sending(_ email: EmailToSend) throws -> ProviderCall {
        var call = ProviderCall("POST", base + "/emails", bearer: key)
        try call.carry(try body(email))
        call.headers.append((name: "Idempotency-Key", value: email.key))
        return call
    }

    private func body(_ email: EmailToSend) throws(MIMEError) -> JSONValue {
        var body: [String: JSONValue] = [
            "from": .string(from), "to": [.string(email.to.address)], "subject": .string(email.subject),
            "text": .string(email.text), "headers": try email.headerMap(),
            // Tags travel through webhooks: our id and nothing else.
            "tags": [["name": "message_id", "value": .string(email.id.description)]],
        ]
        if let html = email.html { body["html"] = .string(html) }
        if !email.attachments.isEmpty {
            body["attachments"] = .array(
                email.attachments.map { attachment in
                    var file: [String: JSONValue] = [
                        "content": .base64(attachment.bytes), "filename": .string(attachment.file.filename),
                        "content_type": .string(attachment.file.contentType),
                    ]
                    if let id = attachment.file.contentID { file["content_id"] = .string(id) }
                    return .object(file)
                }
            )
        }
        if let replyTo = email.replyTo { body["reply_to"] = [.string(replyTo.address)] }
        return .object(body)
    }

    /// `Name <address>`, the name in quotes if it has marks that mean something there.
    private static func sender(_ address: EmailAddress, _ name: String) -> String {
        guard !name.isEmpty else { return address.address }
        guard name.contains(where: { #"()<>[]:;@\,.""#.contains($0) }) else { return "\(name) <\(address)>" }
        let quoted = name.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : String($1) }
        return "\"\(quoted)\" <\(address)>"
    }
}
