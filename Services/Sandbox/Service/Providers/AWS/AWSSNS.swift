import Contracts
import Core

/// Amazon SNS (docs.aws.amazon.com/sns/latest/api), version 2010-03-31: texts to numbers, and notices to apps' endpoints.
///
/// `+15005550004` has opted out. A device's token that has `disabled` in it gets an endpoint that is disabled until somebody
/// enables it; one that has `known` in it is there already, with other data.
struct AWSSNS: SandboxProvider {
    let name = "aws_sns"
    let messages: MessageStore
    var now: @Sendable () -> Instant = { .now() }
    private let endpoints = SNSEndpoints()

    init(messages: MessageStore, now: @escaping @Sendable () -> Instant = { .now() }) {
        self.messages = messages
        self.now = now
    }

    private static let signature = AWSSignature(service: "sns")
    private static let version = "2010-03-31"
    private static let namespace = "http://sns.amazonaws.com/doc/2010-03-31/"
    private static let optedOut = "+15005550004"
    private static let longestText = 1_600
    private static let longestMessage = 262_144
    private static let smsAttributes: Set<String> = [
        "AWS.SNS.SMS.SMSType", "AWS.SNS.SMS.SenderID", "AWS.SNS.SMS.MaxPrice", "AWS.MM.SMS.OriginationNumber",
        "AWS.MM.SMS.EntityId", "AWS.MM.SMS.TemplateId",
    ]

    private typealias Members = [(name: String, value: String)]

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        do throws(AWSRefusal) {
            let region = try Self.signature.check(request, at: now())
            guard path == "/", request.method == "POST" else { throw AWSRefusal(404, "UnknownOperationException", "") }
            guard let pairs = FormBody.parse(request.body) else {
                throw AWSRefusal(400, "MalformedQueryString", "Keys may not contain %")
            }
            var form = SNSForm(pairs)
            let action = form.take("Action") ?? ""
            guard form.take("Version") == Self.version else {
                throw AWSRefusal(400, "NoSuchVersion", "The requested version is not valid.")
            }
            let reply = try act(action, &form, region, bytes: request.body.count)
            try form.end()
            return reply()
        } catch {
            return refusal(error)
        }
    }

    func failure(_ status: Int) -> SandboxReply {
        switch status {
        case 429: refusal(AWSRefusal(429, "Throttled", "Rate exceeded"))
        case 503: refusal(AWSRefusal(503, "ServiceUnavailable", "Service Unavailable"))
        default: refusal(AWSRefusal(500, "InternalError", "Internal error"))
        }
    }

    /// Checks an action; what it returns does it.
    private func act(_ action: String, _ form: inout SNSForm, _ region: String, bytes: Int) throws(AWSRefusal)
        -> () -> SandboxReply
    {
        switch action {
        case "Publish": return try publish(&form, region, bytes)
        case "CreatePlatformEndpoint": return try register(&form, region)
        case "GetSMSAttributes":
            _ = form.takeList("attributes.member")
            return {
                Self.result(
                    action,
                    Self.map("attributes", [("MonthlySpendLimit", "100"), ("DefaultSMSType", "Promotional")])
                )
            }
        case "GetPlatformApplicationAttributes":
            try application(form.take("PlatformApplicationArn"), region)
            return { Self.result(action, Self.map("Attributes", [("Enabled", "true")])) }
        case "GetEndpointAttributes":
            let endpoint = try endpoint(form.take("EndpointArn"))
            return {
                Self.result(
                    action,
                    Self.map("Attributes", [("Enabled", "\(endpoint.isEnabled)"), ("Token", endpoint.token)])
                )
            }
        case "SetEndpointAttributes": return try change(&form)
        default: throw AWSRefusal(400, "InvalidAction", "The action \(action) is not valid for this endpoint.")
        }
    }

    // MARK: - Publish

    private func publish(_ form: inout SNSForm, _ region: String, _ bytes: Int) throws(AWSRefusal) -> () -> SandboxReply
    {
        let attributes = try form.takeAttributes()
        guard let message = form.take("Message"), !message.isEmpty else { throw .invalidParameter("Empty message") }
        let structure = form.take("MessageStructure")
        let targets = [form.take("PhoneNumber"), form.take("TargetArn"), form.take("TopicArn")]
        guard targets.count(where: { $0 != nil }) == 1 else {
            throw .invalidParameter("PhoneNumber, TargetArn or TopicArn Reason: exactly one is required")
        }
        if let number = targets[0] { return try text(message, to: number, attributes, bytes) }
        if let target = targets[1] {
            guard message.utf8.count <= Self.longestMessage else { throw .invalidParameter("Message too long") }
            return try push(message, structure, to: target, attributes, bytes)
        }
        throw AWSRefusal(404, "NotFound", "Topic does not exist")
    }

    private func text(_ message: String, to number: String, _ attributes: Members, _ bytes: Int) throws(AWSRefusal)
        -> () -> SandboxReply
    {
        guard PhoneNumber(number) != nil else {
            throw .invalidParameter("PhoneNumber Reason: \(number) is not valid to publish to")
        }
        if number == Self.optedOut {
            throw AWSRefusal(400, "OptedOut", "The phone number has opted out of receiving messages.")
        }
        guard message.utf8.count <= Self.longestText else {
            throw .invalidParameter("Message Reason: Message too long")
        }
        if let extra = attributes.first(where: { !Self.smsAttributes.contains($0.name) }) {
            throw .invalidParameter("MessageAttributes Reason: unknown attribute \(extra.name)")
        }
        let named = Dictionary(attributes.map { ($0.name, $0.value) }) { _, last in last }
        guard ["Transactional", "Promotional"].contains(named["AWS.SNS.SMS.SMSType"] ?? "Promotional") else {
            throw .invalidParameter("MessageAttributes Reason: SMSType must be Transactional or Promotional")
        }
        let sender = named["AWS.SNS.SMS.SenderID"]
        if let sender {
            let isName = sender.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)
            }
            guard (3...11).contains(sender.utf8.count), isName, sender.contains(where: \.isLetter) else {
                throw .invalidParameter("MessageAttributes Reason: SenderID must be 3 to 11 letters and digits")
            }
        }
        return { self.keep("sms", from: sender ?? "", to: number, title: nil, message, attributes, bytes) }
    }

    private func push(
        _ message: String,
        _ structure: String?,
        to target: String,
        _ attributes: Members,
        _ bytes: Int
    ) throws(AWSRefusal) -> () -> SandboxReply {
        let endpoint = try endpoint(target)
        guard endpoint.isEnabled else { throw AWSRefusal(400, "EndpointDisabled", "Endpoint is disabled") }
        var (title, text): (String?, String) = (nil, message)
        if structure == "json" {
            guard let tape = try? JSONTape(Array(message.utf8)), let parts = try? tape.decode([String: String].self)
            else {
                throw .invalidParameter("Message Structure - JSON message body failed to parse")
            }
            guard let usual = parts["default"] else {
                throw .invalidParameter("Message Structure - No default entry in JSON message body")
            }
            text = usual
            if let own = parts[endpoint.platform] {
                guard let tape = try? JSONTape(Array(own.utf8)), let payload = try? tape.decode(JSONValue.self) else {
                    throw .invalidParameter("Message Reason: \(endpoint.platform) payload is no JSON")
                }
                let shown = payload["fcmV1Message"]?["message"]?["notification"] ?? payload["aps"]?["alert"]
                (title, text) = (shown?["title"]?.string, shown?["body"]?.string ?? usual)
            }
        }
        let (shownTitle, shownText) = (title, text)
        return {
            self.keep(
                "push",
                from: endpoint.application,
                to: endpoint.token,
                title: shownTitle,
                shownText,
                attributes,
                bytes
            )
        }
    }

    private func keep(
        _ channel: String,
        from: String,
        to: String,
        title: String?,
        _ text: String,
        _ attributes: Members,
        _ bytes: Int
    ) -> SandboxReply {
        let id = "\(RequestID())"
        messages.add(
            ReceivedMessage(
                id: id,
                provider: name,
                channel: channel,
                at: now(),
                from: from,
                to: [to],
                subject: title,
                text: text,
                html: nil,
                reference: nil,
                headers: attributes.map { ($0.name, $0.value) },
                bytes: bytes
            )
        )
        return Self.result("Publish", "<MessageId>\(id)</MessageId>")
    }

    // MARK: - Endpoints

    private func register(_ form: inout SNSForm, _ region: String) throws(AWSRefusal) -> () -> SandboxReply {
        let application = form.take("PlatformApplicationArn") ?? ""
        try self.application(application, region)
        guard let token = form.take("Token"), !token.isEmpty else {
            throw .invalidParameter("Token Reason: cannot be empty")
        }
        _ = form.take("CustomUserData")
        let endpoint = endpoints.register(token, with: application)
        if token.contains("known") {
            throw .invalidParameter(
                "Token Reason: Endpoint \(endpoint.arn) already exists with the same Token, but different attributes."
            )
        }
        return { Self.result("CreatePlatformEndpoint", "<EndpointArn>\(endpoint.arn)</EndpointArn>") }
    }

    private func change(_ form: inout SNSForm) throws(AWSRefusal) -> () -> SandboxReply {
        let endpoint = try endpoint(form.take("EndpointArn"))
        let attributes = form.takeMap("Attributes")
        if let extra = attributes.keys.first(where: { !["Enabled", "Token", "CustomUserData"].contains($0) }) {
            throw .invalidParameter("Attributes Reason: Invalid attribute name: \(extra)")
        }
        let isEnabled = attributes["Enabled"].map { $0 == "true" }
        return {
            self.endpoints.change(endpoint.arn, token: attributes["Token"], isEnabled: isEnabled)
            return Self.result("SetEndpointAttributes", "")
        }
    }

    /// `arn:aws:sns:eu-west-1:123456789012:app/GCM/clinic`, of the region that is called.
    private func application(_ arn: String?, _ region: String) throws(AWSRefusal) {
        let parts = (arn ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "arn", parts[2] == "sns", parts[5].hasPrefix("app/"),
            parts[5].split(separator: "/").count == 3
        else {
            throw .invalidParameter(
                "PlatformApplicationArn Reason: Wrong number of slashes in relative portion of the ARN."
            )
        }
        guard parts[3] == region, SandboxCredential.isAccepted(String(parts[5])) else {
            throw AWSRefusal(404, "NotFound", "PlatformApplication does not exist")
        }
        if parts[5].contains("disabled") {
            throw AWSRefusal(400, "PlatformApplicationDisabled", "Platform application is disabled")
        }
    }

    private func endpoint(_ arn: String?) throws(AWSRefusal) -> SNSEndpoints.Endpoint {
        guard let arn, arn.hasPrefix("arn:"), arn.contains(":endpoint/") else {
            throw .invalidParameter("TargetArn Reason: ARN is not valid")
        }
        guard let endpoint = endpoints.find(arn) else { throw AWSRefusal(404, "NotFound", "Endpoint does not exist") }
        return endpoint
    }

    // MARK: - XML

    private static func result(_ action: String, _ inner: String) -> SandboxReply {
        xml(
            200,
            """
            <\(action)Response xmlns="\(namespace)"><\(action)Result>\(inner)</\(action)Result>\
            <ResponseMetadata><RequestId>\(RequestID())</RequestId></ResponseMetadata></\(action)Response>
            """
        )
    }

    private static func map(_ name: String, _ entries: Members) -> String {
        let inner = entries.map {
            "<entry><key>\(Markup.escape($0.name))</key><value>\(Markup.escape($0.value))</value></entry>"
        }
        return "<\(name)>\(inner.joined())</\(name)>"
    }

    private func refusal(_ refusal: AWSRefusal) -> SandboxReply {
        let type = refusal.status < 500 ? "Sender" : "Receiver"
        return Self.xml(
            refusal.status,
            """
            <ErrorResponse xmlns="\(Self.namespace)"><Error><Type>\(type)</Type><Code>\(refusal.name)</Code>\
            <Message>\(Markup.escape(refusal.message))</Message></Error><RequestId>\(RequestID())</RequestId></ErrorResponse>
            """
        )
    }

    private static func xml(_ status: Int, _ text: String) -> SandboxReply {
        SandboxReply(status, headers: [("Content-Type", "text/xml")], body: Array(text.utf8))
    }
}
