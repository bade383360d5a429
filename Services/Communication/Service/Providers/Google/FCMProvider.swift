import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// Firebase Cloud Messaging, HTTP v1: notifications to apps on Android, iOS and in browsers, one registration token a call.
struct FCMProvider: PushProvider, HTTPProvider {
    static let name = "fcm"
    static let keys: [CredentialShape.Key] = [.init("serviceAccount", form: .document, isSecret: true)]
    /// A tenth of what a project may send.
    static let usualRate = 1_000.0
    /// What a token is asked for.
    static let scope = "https://www.googleapis.com/auth/firebase.messaging"
    /// The longest that a notification is kept for a device.
    static let longestLife: Duration = .seconds(28 * 86_400)
    /// Nobody listens to it: a message to it is checked and not sent.
    static let healthTopic = "polyclinic-health"

    private let base: String
    private let account: GoogleServiceAccount
    private let tokens: GoogleAccessTokens
    private let http: OutboundHTTP

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let account = GoogleServiceAccount(credentials) else { return nil }
        self.account = account
        tokens = transports.shared(GoogleAccessTokens())
        http = transports.http
        base = Self.base(credentials)
    }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults = endpointFaults(credentials, policy)
        if let account = GoogleServiceAccount(credentials) {
            if let wrong = account.fault(policy: policy) { faults.append(.init("serviceAccount", wrong)) }
        } else {
            let wrong = "must be the JSON key of a service account, as Google Cloud gives it"
            faults.append(.init("serviceAccount", wrong))
        }
        return faults
    }

    /// It tells nothing later.
    static func hasWebhook(_ credentials: Credentials) -> Bool { false }

    static func usualBase(_ credentials: Credentials) -> String { "https://fcm.googleapis.com" }

    func send(_ push: PushToSend, deadline: Deadline) async -> ProviderVerdict {
        // The name of an endpoint is for somebody else to know: nothing is said of the device.
        guard !push.token.unredacted.hasPrefix("arn:") else { return .endpointOfAnother }
        let message = Self.message(push, at: .now())
        return await authorised { token in
            guard let call = try? call(["message": message], token) else { return FCMReply.unwritable }
            return await http.verdict(call, deadline: deadline, reading: FCMReply.verdict)
        }
    }

    /// Has a message checked that is not sent: whether the account, the project and its API are there.
    func check(deadline: Deadline) async -> ProviderVerdict {
        let body: JSONValue = ["validate_only": true, "message": ["topic": .string(Self.healthTopic)]]
        return await authorised { token in
            guard let call = try? call(body, token) else { return FCMReply.unwritable }
            return await http.verdict(call, deadline: deadline, reading: FCMReply.health)
        }
    }

    /// Calls with a token; one that is not accepted any more is renewed, once.
    private func authorised(_ body: (Secret) async -> ProviderVerdict) async -> ProviderVerdict {
        var verdict = ProviderVerdict(.transient)
        for _ in 0..<2 {
            switch await tokens.token(for: account, scope: Self.scope, through: http) {
            case .refused(let refusal): return refusal
            case .token(let token):
                verdict = await body(token)
                guard verdict.code == FCMReply.unauthenticated else { return verdict }
                tokens.forget(token, of: account, scope: Self.scope)
            }
        }
        return verdict
    }

    private func call(_ body: JSONValue, _ token: Secret) throws -> ProviderCall {
        var call = ProviderCall("POST", "\(base)/v1/projects/\(account.projectID)/messages:send", bearer: token)
        try call.carry(body)
        return call
    }

    /// The request that hands a notification over.
    func sending(_ push: PushToSend, token: Secret, at now: Instant) throws -> ProviderCall {
        try call(["message": Self.message(push, at: now)], token)
    }

    private static func message(_ push: PushToSend, at now: Instant) -> JSONValue {
        let id = JSONValue.string(push.id.description)
        var notification: [String: JSONValue] = ["body": .string(push.text)]
        if let title = push.title { notification["title"] = .string(title) }
        // What is handed over a second time takes the place of the first on the device.
        var android: [String: JSONValue] = [
            "priority": push.isUrgent ? "high" : "normal", "notification": ["tag": id],
        ]
        var apns: [String: JSONValue] = ["apns-priority": push.isUrgent ? "10" : "5", "apns-collapse-id": id]
        var web: [String: JSONValue] = [
            "Urgency": push.isUrgent ? "high" : "normal",
            "Topic": .string(push.id.description.filter { $0 != "-" }),
        ]
        if let expiresAt = push.expiresAt {
            let life = min(max(expiresAt - now, .zero), longestLife).components.seconds
            android["ttl"] = .string("\(life)s")
            apns["apns-expiration"] = .string("\(expiresAt.seconds)")
            web["TTL"] = .string("\(life)")
        }
        return [
            "token": .string(push.token.unredacted), "notification": .object(notification),
            "data": ["message_id": id], "android": .object(android), "apns": ["headers": .object(apns)],
            "webpush": ["headers": .object(web)],
        ]
    }
}

extension ProviderVerdict {
    fileprivate static let endpointOfAnother = ProviderVerdict(
        .senderNotAuthorised,
        host: .untried,
        code: "endpoint_arn",
        detail: "The push token is the name of an endpoint at another provider."
    )
}
