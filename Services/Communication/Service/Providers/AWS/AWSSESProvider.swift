import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// Amazon's Simple Email Service, API version 2, with requests signed by Signature Version 4.
struct AWSSESProvider: EmailProvider, HTTPProvider {
    static let name = "aws_ses"
    static let claimedHeaders = ["x-amz", "x-ses-"]
    static let keys: [CredentialShape.Key] = [
        .text("accessKeyId"), .secret("secretAccessKey"), .text("region"), .email("fromEmail"), .text("fromName"),
        .optional("configurationSet"), .optional("eventTopicArn").naming,
    ]
    /// What an account out of the sandbox begins with.
    static let usualRate = 14.0
    static let mostBytes: Int? = 40_000_000
    /// A domain of Amazon's own, or one below the sender's that a customer chooses.
    static let returnPath: ReturnPath? = ReturnPath(includes: ["amazonses.com"])
    /// The signing name, though the host begins with `email`.
    static let signingName = "ses"

    let base: String
    private let signer: SigV4
    let from: MIMEMessage.Mailbox
    let configurationSet: String?
    let http: OutboundHTTP

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let accessKeyID = credentials.text("accessKeyId"), let secret = credentials.text("secretAccessKey"),
            let region = credentials.text("region"),
            let from = credentials.sender
        else { return nil }
        signer = SigV4(
            accessKeyID: accessKeyID,
            secretAccessKey: Secret(secret),
            region: region,
            service: Self.signingName
        )
        self.from = .init(from, name: credentials.text("fromName"))
        configurationSet = credentials.text("configurationSet")
        http = transports.http
        base = Self.base(credentials)
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? {
        AWSSESWebhooks(sns: transports.shared(SNSVerifier(transports)))
    }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if !isName(credentials.text("region"), atMost: 32) {
            faults.append(.init("region", "must be an AWS region like eu-west-1"))
        }
        if !isName(credentials.text("accessKeyId"), atMost: 128) {
            faults.append(.init("accessKeyId", "is not an access key id"))
        }
        if let set = credentials.text("configurationSet"), !isName(set, atMost: 64) {
            faults.append(.init("configurationSet", "must be letters, digits, hyphens and underscores, at most 64"))
        }
        if let from = credentials.sender, !DomainName.isASCII(from.address) {
            faults.append(.init("fromEmail", "must have no other letters than ASCII's before the @: SES takes none"))
        }
        if let topic = credentials.text("eventTopicArn"), SNSTopic(topic) == nil {
            let example = "arn:aws:sns:eu-west-1:123456789012:events"
            faults.append(.init("eventTopicArn", "must be the ARN of an SNS topic, like \(example)"))
        }
        return faults + endpointFaults(credentials, policy)
    }

    /// Its events come by a topic, and only from a configuration set that publishes there.
    static func givesReceipts(_ credentials: Credentials) -> Bool {
        credentials.text("eventTopicArn") != nil && credentials.text("configurationSet") != nil
    }

    static func usualBase(_ credentials: Credentials) -> String {
        let region = credentials.text("region") ?? ""
        return "https://email.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")"
    }

    /// The configuration set that the clinic has named is gone: another provider needs none.
    static var accountRefusals: Set<String> { ["NotFoundException"] }

    func send(_ email: EmailToSend, deadline: Deadline) async -> ProviderVerdict {
        // Their documentation says of addresses that they have ASCII only; it would refuse the whole message for it.
        if email.needsSMTPUTF8(from: from.address) { return .asciiOnly(host: .untried) }
        guard !email.hasLineBreak, let call = try? sending(email, at: .now()) else { return .lineBreak }
        return await http.verdict(call, deadline: deadline, reading: AWSSESReply.verdict)
    }

    /// Asks about the account; who may only send is let in all the same.
    func check(deadline: Deadline) async -> ProviderVerdict {
        guard let call = try? call("GET", "/v2/email/account", at: .now()) else { return ProviderVerdict(.transient) }
        return await http.verdict(call, deadline: deadline, reading: AWSSESReply.health)
    }

    /// The request that hands a message over.
    func sending(_ email: EmailToSend, at time: Instant) throws -> ProviderCall {
        try call("POST", "/v2/email/outbound-emails", body: JSONWriter.encode(body(email)), at: time)
    }

    func call(_ method: String, _ path: String, body: [UInt8] = [], at time: Instant) throws -> ProviderCall {
        let target = try OutboundURL(base)
        let prefix = base.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).dropFirst(3)
        var headers = [(name: "Host", value: target.authority), (name: "X-Amz-Date", value: SigV4.stamp(time))]
        if !body.isEmpty { headers.append((name: "Content-Type", value: "application/json")) }
        let request = SigV4.Request(
            method: method,
            path: prefix.map { "/\($0)" }.joined() + path,
            headers: headers,
            body: body
        )
        headers.append((name: "Authorization", value: signer.authorization(request, at: time)))
        headers.append((name: "User-Agent", value: ProviderCall.userAgent))
        return ProviderCall(method: method, url: base + path, headers: headers, body: body)
    }

    private func body(_ email: EmailToSend) throws(MIMEError) -> JSONValue {
        var parts: [String: JSONValue] = ["Text": .content(email.text)]
        if let html = email.html { parts["Html"] = .content(html) }
        var simple: [String: JSONValue] = [
            "Subject": .content(email.subject), "Body": .object(parts),
            "Headers": .array(try email.headers().map { ["Name": .string($0.name), "Value": .string($0.value)] }),
        ]
        if !email.attachments.isEmpty { simple["Attachments"] = .array(email.attachments.map { .sesFile($0) }) }
        var body: [String: JSONValue] = [
            "FromEmailAddress": .string(try from.line), "Destination": ["ToAddresses": [.string(email.to.address)]],
            "Content": ["Simple": .object(simple)],
            // Tags travel through webhooks and logs: our id and nothing else.
            "EmailTags": [["Name": "message_id", "Value": .string(email.id.description)]],
        ]
        if let replyTo = email.replyTo { body["ReplyToAddresses"] = [.string(replyTo.address)] }
        if let configurationSet { body["ConfigurationSetName"] = .string(configurationSet) }
        return .object(body)
    }

    private static func isName(_ text: String?, atMost length: Int) -> Bool {
        guard let text, (1...length).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy {
            $0.isLetterOrDigit || $0 == UInt8(ascii: "-")
                || $0 == UInt8(ascii: "_")
        }
    }
}

extension JSONValue {
    fileprivate static func content(_ text: String) -> JSONValue { ["Charset": "UTF-8", "Data": .string(text)] }

    fileprivate static func sesFile(_ attachment: Attachment) -> JSONValue {
        var file: [String: JSONValue] = [
            "RawContent": .base64(attachment.bytes), "FileName": .string(attachment.file.filename),
            "ContentType": .string(attachment.file.contentType),
            "ContentDisposition": attachment.file.contentID == nil ? "ATTACHMENT" : "INLINE",
            // How the mail carries it; left out it would be put in as seven-bit text, and be damaged.
            "ContentTransferEncoding": "BASE64",
        ]
        if let id = attachment.file.contentID { file["ContentId"] = .string(id) }
        return .object(file)
    }
}
