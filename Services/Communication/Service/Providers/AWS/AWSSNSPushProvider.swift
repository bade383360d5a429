import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// Notifications to installed apps through Amazon SNS, whose platform application knows Apple's or Google's service.
///
/// A device is named by its endpoint's ARN, or by the token that it got from Apple or Google.
struct AWSSNSPushProvider: PushProvider, HTTPProvider {
    static let name = "aws_sns"
    static let keys = AWSSNSAccount.keys + [.text("platformApplicationArn")]
    /// Less than any region allows.
    static let usualRate = 300.0
    /// Seconds for which Apple or Google may keep a notification that cannot be shown yet.
    static let validity: ClosedRange<Int64> = 1...2_419_200

    private let account: AWSSNSAccount
    private let application: String

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let account = AWSSNSAccount(credentials, base: Self.base(credentials), through: transports),
            let application = credentials.text("platformApplicationArn")
        else { return nil }
        self.account = account
        self.application = application
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? {
        AWSSNSWebhooks(sns: transports.shared(SNSVerifier(transports)))
    }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults = AWSSNSAccount.faults(credentials)
        let hasRegion = !faults.contains { $0.key == "region" }
        let arn = SNSName(credentials.text("platformApplicationArn") ?? "")
        if arn?.kind != .application || hasRegion && arn?.region != credentials.text("region") {
            faults.append(.init("platformApplicationArn", "must be a platform application's ARN in the same region"))
        }
        return faults + endpointFaults(credentials, policy)
    }

    static func usualBase(_ credentials: Credentials) -> String { AWSSNSAccount.usualBase(credentials) }

    func send(_ push: PushToSend, deadline: Deadline) async -> ProviderVerdict {
        let token = push.token.unredacted
        if let endpoint = SNSName(token) {
            guard endpoint.kind == .endpoint, endpoint.region == account.region else { return .otherEndpoint }
            return await deliver(push, to: endpoint, of: nil, deadline: deadline)
        }
        let made = await account.verdict(
            "CreatePlatformEndpoint",
            Self.registration(of: token, with: application),
            deadline: deadline,
            reading: AWSSNSReply.endpointVerdict
        )
        guard made.outcome == .accepted else { return made.beforeSending }
        guard let endpoint = made.messageID.flatMap({ SNSName($0) }), endpoint.kind == .endpoint else {
            return ProviderVerdict(.transient, code: "endpoint_arn", detail: "The provider named no endpoint.")
        }
        return await deliver(push, to: endpoint, of: token, deadline: deadline)
    }

    /// Publishes; an endpoint that is disabled is enabled where the app has registered itself since.
    ///
    /// SNS disables an endpoint when Apple or Google have refused its token once, and nobody but its owner enables it again:
    /// making it anew gives the same one, disabled as it is.
    ///
    /// - Parameter token: the device's own; `nil` where it is known by its endpoint alone.
    private func deliver(
        _ push: PushToSend,
        to endpoint: SNSName,
        of token: String?,
        deadline: Deadline
    ) async -> ProviderVerdict {
        let verdict = await publish(push, to: endpoint, deadline: deadline)
        guard push.isFresh, verdict.code == AWSSNSReply.endpointDisabled else { return verdict }
        let enabled = await account.verdict(
            "SetEndpointAttributes",
            Self.enabling(endpoint, of: token),
            deadline: deadline,
            reading: AWSSNSReply.changed
        )
        switch enabled.outcome {
        case .accepted: return await publish(push, to: endpoint, deadline: deadline)
        case .throttled, .transient, .unknownOutcome: return enabled.beforeSending
        // Whoever may send and change nothing is told what was said of the endpoint.
        default: return verdict
        }
    }

    /// Asks for the platform application; who may only send is let in all the same.
    func check(deadline: Deadline) async -> ProviderVerdict {
        await account.verdict(
            "GetPlatformApplicationAttributes",
            [("PlatformApplicationArn", application)],
            deadline: deadline,
            reading: AWSSNSReply.applicationHealth
        )
    }

    private func publish(_ push: PushToSend, to endpoint: SNSName, deadline: Deadline) async -> ProviderVerdict {
        guard let parameters = try? Self.notification(push, to: endpoint, at: .now()) else { return .unspeakable }
        return await account.verdict("Publish", parameters, deadline: deadline, reading: AWSSNSReply.published)
    }

    /// The request that asks for a device's endpoint, which is made when it is new.
    func registering(_ token: String, at now: Instant) throws -> ProviderCall {
        try account.call("CreatePlatformEndpoint", Self.registration(of: token, with: application), at: now)
    }

    /// The request that has a device's endpoint be sent to again.
    func enabling(_ endpoint: SNSName, of token: String?, at now: Instant) throws -> ProviderCall {
        try account.call("SetEndpointAttributes", Self.enabling(endpoint, of: token), at: now)
    }

    /// The request that hands a notification over.
    func sending(_ push: PushToSend, to endpoint: SNSName, at now: Instant) throws -> ProviderCall {
        try account.call("Publish", Self.notification(push, to: endpoint, at: now), at: now)
    }

    private static func registration(of token: String, with application: String) -> FormBody.Pairs {
        [("PlatformApplicationArn", application), ("Token", token)]
    }

    private static func enabling(_ endpoint: SNSName, of token: String?) -> FormBody.Pairs {
        let attributes = [(name: "Enabled", value: "true")] + (token.map { [(name: "Token", value: $0)] } ?? [])
        return [("EndpointArn", endpoint.arn)]
            + attributes.enumerated().flatMap { index, attribute in
                [
                    (name: "Attributes.entry.\(index + 1).key", value: attribute.name),
                    (name: "Attributes.entry.\(index + 1).value", value: attribute.value),
                ]
            }
    }

    private static func notification(_ push: PushToSend, to endpoint: SNSName, at now: Instant) throws -> FormBody.Pairs
    {
        let left = push.expiresAt.map { ($0 - now).components.seconds }
        let seconds = left.map { min(max($0, validity.lowerBound), validity.upperBound) }
        var parts: [String: JSONValue] = ["default": .string(push.text)]
        var attributes: [(name: String, value: String)] = []
        switch endpoint.platform {
        case "GCM": parts["GCM"] = .string(try text(google(push, seconds)))
        case "APNS", "APNS_SANDBOX":
            parts[endpoint.platform] = .string(try text(apple(push)))
            attributes = [
                ("AWS.SNS.MOBILE.APNS.PUSH_TYPE", "alert"),
                ("AWS.SNS.MOBILE.APNS.PRIORITY", push.isUrgent ? "10" : "5"),
            ]
            if let seconds { attributes.append(("AWS.SNS.MOBILE.\(endpoint.platform).TTL", "\(seconds)")) }
        // Others are given the text alone.
        default: break
        }
        return [("TargetArn", endpoint.arn), ("MessageStructure", "json"), ("Message", try text(.object(parts)))]
            + AWSSNSAccount.attributes(attributes)
    }

    /// As Firebase's API takes it, version 1.
    private static func google(_ push: PushToSend, _ seconds: Int64?) -> JSONValue {
        var notification: [String: JSONValue] = ["body": .string(push.text)]
        if let title = push.title { notification["title"] = .string(title) }
        var android: [String: JSONValue] = ["priority": push.isUrgent ? "high" : "normal"]
        if let seconds { android["ttl"] = .string("\(seconds)s") }
        return [
            "fcmV1Message": [
                "message": [
                    "notification": .object(notification), "android": .object(android),
                    "data": ["message_id": .string(push.id.description)],
                ]
            ]
        ]
    }

    private static func apple(_ push: PushToSend) -> JSONValue {
        var alert: [String: JSONValue] = ["body": .string(push.text)]
        if let title = push.title { alert["title"] = .string(title) }
        return ["aps": ["alert": .object(alert)], "message_id": .string(push.id.description)]
    }

    private static func text(_ json: JSONValue) throws -> String {
        String(decoding: try JSONWriter.encode(json), as: UTF8.self)
    }
}

/// The name of something in SNS: `arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/clinic/…`.
struct SNSName: Sendable, Equatable {
    enum Kind: String, Sendable {
        case application = "app"
        case endpoint
    }

    let arn: String
    let kind: Kind
    let region: String
    /// `GCM`, `APNS`, `APNS_SANDBOX` and others.
    let platform: String

    /// `nil` for anything else, a device's token among it.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, text.utf8.count <= ProviderVerdict.longestToken * 4, parts[0] == "arn",
            parts[1].hasPrefix("aws"), parts[2] == "sns", text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        let places = parts[5].split(separator: "/", omittingEmptySubsequences: false)
        guard let kind = places.first.flatMap({ Kind(rawValue: String($0)) }), places.allSatisfy({ !$0.isEmpty }),
            places.count == (kind == .application ? 3 : 4)
        else { return nil }
        arn = text
        self.kind = kind
        region = String(parts[3])
        platform = String(places[1])
    }
}

extension ProviderVerdict {
    /// An endpoint of another region, which this account's address does not reach.
    fileprivate static let otherEndpoint = ProviderVerdict(
        .badRecipient,
        host: .untried,
        code: "endpoint_arn",
        detail: "The push token is the name of something else than an endpoint in the region."
    )
    /// A text that JSON cannot carry.
    fileprivate static let unspeakable = ProviderVerdict(.contentRejected, host: .untried, code: "payload")

    /// The same for a call before the one that sends: whatever was lost with it, no message was.
    fileprivate var beforeSending: ProviderVerdict {
        var verdict = self
        if outcome == .unknownOutcome { verdict.outcome = .transient }
        return verdict
    }
}
