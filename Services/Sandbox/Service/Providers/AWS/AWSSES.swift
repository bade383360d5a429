import Contracts
import Core

/// Amazon SES, API version 2 (docs.aws.amazon.com/ses/latest/APIReference-V2): `SendEmail` and `GetAccount`.
struct AWSSES: SandboxProvider {
    let name = "aws_ses"
    let messages: MessageStore
    let now: @Sendable () -> Instant
    let topics: SNSTopics
    var webhooks: WebhookSender? { topics.sender }

    init(messages: MessageStore, publicURL: String? = nil, now: @escaping @Sendable () -> Instant = { .now() }) {
        self.messages = messages
        self.now = now
        topics = SNSTopics(path: "/api/v1/webhooks/communication/aws_ses", publicURL: publicURL)
    }

    private static let signature = AWSSignature(service: "ses")
    private static let fields: Set<String> = [
        "FromEmailAddress", "FromEmailAddressIdentityArn", "Destination", "ReplyToAddresses",
        "FeedbackForwardingEmailAddress", "FeedbackForwardingEmailAddressIdentityArn", "Content", "EmailTags",
        "ConfigurationSetName", "EndpointId", "TenantName", "ListManagementOptions",
    ]
    private static let simpleFields: Set<String> = ["Subject", "Body", "Headers", "Attachments"]
    private static let mostRecipients = 50
    private static let mostHeaders = 15

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        topics.noteOrigin(of: request, name)
        if let reply = topics.answer(request, path: path) { return reply }
        do throws(AWSRefusal) {
            let region = try Self.signature.check(request, at: now())
            switch (request.method, path) {
            case ("POST", "/v2/email/outbound-emails"): return try send(request, region)
            case ("GET", "/v2/email/account"): return account
            case ("GET", _) where path.hasPrefix("/v2/email/identities/"):
                return try identity(String(path.dropFirst("/v2/email/identities/".count)))
            case ("GET", _) where path.hasPrefix("/v2/email/configuration-sets/"):
                return try destinations(String(path.dropFirst("/v2/email/configuration-sets/".count)))
            default: throw AWSRefusal(404, "UnknownOperationException", "")
            }
        } catch {
            return refusal(error)
        }
    }

    func failure(_ status: Int) -> SandboxReply {
        switch status {
        case 429: refusal(AWSRefusal(429, "TooManyRequestsException", "Maximum sending rate exceeded."))
        case 503: refusal(AWSRefusal(503, "ServiceUnavailableException", "Service Unavailable"))
        default: refusal(AWSRefusal(500, "InternalServiceErrorException", "Internal server error"))
        }
    }

    private func refusal(_ refusal: AWSRefusal) -> SandboxReply {
        let headers = [("x-amzn-RequestId", "\(RequestID())"), ("x-amzn-ErrorType", refusal.name)]
        return .json(refusal.status, ["message": .string(refusal.message)], headers)
    }

    private var account: SandboxReply {
        .json(
            200,
            [
                "DedicatedIpAutoWarmupEnabled": false, "EnforcementStatus": "HEALTHY", "ProductionAccessEnabled": true,
                "SendQuota": ["Max24HourSend": 50_000, "MaxSendRate": 14, "SentLast24Hours": 0], "SendingEnabled": true,
                "SuppressionAttributes": ["SuppressedReasons": ["BOUNCE", "COMPLAINT"]],
            ]
        )
    }

    /// Every domain is verified but those that senders are refused for, and those that are called `pending…`; addresses are not
    /// identities of their own.
    private func identity(_ name: String) throws(AWSRefusal) -> SandboxReply {
        guard !name.contains("@"), !name.lowercased().hasPrefix("unverified") else {
            throw AWSRefusal(404, "NotFoundException", "Email identity \(name) does not exist.")
        }
        let isVerified = !name.lowercased().hasPrefix("pending")
        let status: JSONValue = isVerified ? "SUCCESS" : "PENDING"
        return .json(
            200,
            [
                "IdentityType": "DOMAIN", "VerifiedForSendingStatus": .bool(isVerified), "VerificationStatus": status,
                "DkimAttributes": ["SigningEnabled": true, "Status": status, "Tokens": ["sandbox"]],
            ]
        )
    }

    /// What a configuration set publishes; one that is called `watched…` asks for openings and clicks as well.
    private func destinations(_ place: String) throws(AWSRefusal) -> SandboxReply {
        guard place.hasSuffix("/event-destinations") else { throw AWSRefusal(404, "UnknownOperationException", "") }
        var events: [JSONValue] = ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT"]
        if place.hasPrefix("watched") { events += ["OPEN", "CLICK"] }
        return .json(
            200,
            ["EventDestinations": [["Name": "events", "Enabled": true, "MatchingEventTypes": .array(events)]]]
        )
    }

    private func send(_ request: SandboxRequest, _ region: String) throws(AWSRefusal) -> SandboxReply {
        guard let body = request.json, case .object(let members) = body else {
            throw AWSRefusal(400, "SerializationException", "Unexpected end of input or malformed JSON")
        }
        // AWS passes over what it does not know; here a misspelt member shows.
        if let extra = members.keys.sorted().first(where: { !Self.fields.contains($0) }) {
            throw Self.bad("Unknown member: \(extra)")
        }
        let from = try sender(body, region)
        let to = try recipients(body)
        if let set = body["ConfigurationSetName"]?.string, !SandboxCredential.isAccepted(set) {
            throw AWSRefusal(404, "NotFoundException", "Configuration set <\(set)> does not exist.")
        }
        let tags = try tags(body)
        let shown = try content(body)
        let id = "0100\(RandomText.make(12).lowercased())-\(RequestID())-000000"
        let message = ReceivedMessage(
            id: id,
            provider: name,
            channel: "email",
            at: now(),
            from: from,
            to: to,
            subject: shown.subject,
            text: shown.text,
            html: shown.html,
            reference: tags["message_id"],
            headers: shown.headers,
            bytes: request.body.count,
            files: shown.files
        )
        messages.add(message)
        tellUsual(of: message)
        return .json(200, ["MessageId": .string(id)], [("x-amzn-RequestId", "\(RequestID())")])
    }

    private static func bad(_ message: String) -> AWSRefusal { AWSRefusal(400, "BadRequestException", message) }

    private func sender(_ body: JSONValue, _ region: String) throws(AWSRefusal) -> String {
        guard let from = body["FromEmailAddress"]?.string, !from.isEmpty else {
            throw Self.bad("FromEmailAddress is required for this type of message.")
        }
        guard from.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), let address = Mailbox.address(from) else {
            throw Self.bad("Missing final '@domain'")
        }
        guard !address.lowercased().contains("@unverified") else {
            let text = "Email address is not verified. The following identities failed the check in region "
            throw AWSRefusal(400, "MessageRejected", text + "\(region.uppercased()): \(from)")
        }
        return address
    }

    private func recipients(_ body: JSONValue) throws(AWSRefusal) -> [String] {
        var found: [String] = []
        for list in ["ToAddresses", "CcAddresses", "BccAddresses"] {
            guard let value = body["Destination"]?[list], value != .null else { continue }
            guard case .array(let items) = value else { throw Self.bad("\(list) must be a list.") }
            for item in items {
                guard let address = item.string.flatMap({ Mailbox.address($0) }) else {
                    throw Self.bad("Missing final '@domain'")
                }
                found.append(address)
            }
        }
        guard !found.isEmpty else { throw Self.bad("The recipient list is empty.") }
        guard found.count <= Self.mostRecipients else { throw Self.bad("Recipient count exceeds 50.") }
        return found
    }

    private func tags(_ body: JSONValue) throws(AWSRefusal) -> [String: String] {
        guard case .array(let items) = body["EmailTags"] else { return [:] }
        var tags: [String: String] = [:]
        for item in items {
            guard let name = item["Name"]?.string, let value = item["Value"]?.string, Self.isTag(name),
                Self.isTag(value)
            else {
                throw Self.bad("Invalid tag name or value: only alphanumeric ASCII characters, '_', '-' are allowed.")
            }
            tags[name] = value
        }
        return tags
    }

    private static func isTag(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-".contains(Character($0)))
            }
    }

    private struct Shown {
        var subject: String?
        var text: String?
        var html: String?
        var headers: [(name: String, value: String)] = []
        var files: [ReceivedFile] = []
    }

    /// What of the one kind of content that there must be is shown.
    private func content(_ body: JSONValue) throws(AWSRefusal) -> Shown {
        guard case .object(let content) = body["Content"], content.count == 1, let kind = content.first else {
            throw Self.bad("Exactly one of Simple, Raw or Template must be given as content.")
        }
        switch kind.key {
        case "Simple": return try simple(kind.value)
        case "Raw":
            guard let bytes = kind.value["Data"]?.string.flatMap({ Base64Text.decode($0) }), !bytes.isEmpty else {
                throw Self.bad("Missing or malformed raw data.")
            }
            let mail = MailParser(bytes)
            return Shown(
                subject: mail.header("subject"),
                text: mail.text,
                html: mail.html,
                headers: mail.headers,
                files: mail.files
            )
        default: throw AWSRefusal(404, "NotFoundException", "Template does not exist.")
        }
    }

    private func simple(_ value: JSONValue) throws(AWSRefusal) -> Shown {
        guard case .object(let members) = value else { throw Self.bad("Simple must be a structure.") }
        if let extra = members.keys.sorted().first(where: { !Self.simpleFields.contains($0) }) {
            throw Self.bad("Unknown member: \(extra)")
        }
        guard let subject = value["Subject"]?["Data"]?.string else { throw Self.bad("Subject is required.") }
        let text = value["Body"]?["Text"]?["Data"]?.string
        let html = value["Body"]?["Html"]?["Data"]?.string
        guard text != nil || html != nil else { throw Self.bad("Body must have a text or an HTML part.") }
        var headers: [(name: String, value: String)] = []
        if case .array(let items) = value["Headers"] {
            for item in items {
                guard let name = item["Name"]?.string, let value = item["Value"]?.string, !name.contains(":"),
                    (1...126).contains(name.utf8.count), (1...995).contains(value.utf8.count),
                    name.utf8.count + value.utf8.count <= 996, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
                    value.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
                else { throw Self.bad("Invalid header.") }
                headers.append((name, EncodedWords.decode(value)))
            }
        }
        guard headers.count <= Self.mostHeaders else { throw Self.bad("Number of headers exceeds 15.") }
        let keys = ("RawContent", "FileName", "ContentType", "ContentId")
        guard let files = ReceivedFile.list(value["Attachments"], keys) else { throw Self.bad("Invalid attachment.") }
        if case .array(let items) = value["Attachments"] {
            for (file, item) in zip(files, items) {
                try Self.checkEncoding(of: file, item["ContentTransferEncoding"]?.string ?? "SEVEN_BIT")
            }
        }
        return Shown(subject: subject, text: text, html: html, headers: headers, files: files)
    }

    /// SES puts a file into the mail as it is told to; what would be damaged by that is refused here, so that it shows.
    private static func checkEncoding(of file: ReceivedFile, _ encoding: String) throws(AWSRefusal) {
        switch encoding {
        case "BASE64", "QUOTED_PRINTABLE": return
        case "SEVEN_BIT":
            guard file.bytes.allSatisfy({ $0 < 0x80 }) else {
                throw bad("Attachment \(file.name) is not seven-bit text.")
            }
        default: throw bad("Unknown ContentTransferEncoding: \(encoding)")
        }
    }
}
