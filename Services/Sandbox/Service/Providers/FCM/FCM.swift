import Contracts
import Core

/// Firebase Cloud Messaging, HTTP v1 (firebase.google.com/docs/reference/fcm/rest/v1), and Google's exchange of tokens.
///
/// `GET /fcm/service-account` gives the JSON key of an account that it knows, `GET /fcm/tokens` says how many access tokens it
/// gave, and `DELETE /fcm/tokens` ends them all. Of registration tokens, those that begin with `unregistered`, `othersender`,
/// `noapns` or `toofast` get the errors that these words stand for.
struct FCM: SandboxProvider {
    /// The longest message, in bytes.
    static let longestPayload = 4_096

    let name = "fcm"
    let messages: MessageStore
    private let accounts: FCMAccounts
    private let now: @Sendable () -> Instant

    init(
        messages: MessageStore,
        accounts: FCMAccounts = FCMAccounts(),
        now: @escaping @Sendable () -> Instant = { .now() }
    ) {
        self.messages = messages
        self.accounts = accounts
        self.now = now
    }

    private static let fields: Set<String> = [
        "name", "data", "notification", "android", "webpush", "apns", "fcm_options", "token", "topic", "condition",
    ]

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        let parts = path.split(separator: "/").map(String.init)
        switch (request.method, path) {
        case ("GET", "/service-account"):
            guard let key = accounts.key(tokenURI: "http://\(request.headers["host"] ?? "localhost")/fcm/token") else {
                return .problem(500, "There is no key.")
            }
            return .json(200, key)
        case ("POST", "/token"): return accounts.exchange(request)
        case ("GET", "/tokens"): return .json(200, ["issued": .integer(Int64(accounts.issued))])
        case ("DELETE", "/tokens"):
            accounts.revokeTokens()
            return SandboxReply(204)
        case ("POST", _) where parts.count == 4 && parts[0] == "v1" && parts[1] == "projects":
            guard parts[3] == "messages:send" else { return SandboxReply(404) }
            do throws(FCMError) { return try send(request, project: parts[2]) } catch { return error.reply }
        default: return SandboxReply(404)
        }
    }

    func failure(_ status: Int) -> SandboxReply {
        switch status {
        case 429:
            var reply = FCMError(
                429,
                "RESOURCE_EXHAUSTED",
                "QUOTA_EXCEEDED",
                "Message rate exceeded. Please reduce your message rate and retry."
            ).reply
            reply.headers.append(("Retry-After", "1"))
            return reply
        case 503: return FCMError(503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable.").reply
        default: return FCMError(500, "INTERNAL", "INTERNAL", "Internal error encountered.").reply
        }
    }

    private func send(_ request: SandboxRequest, project: String) throws(FCMError) -> SandboxReply {
        guard let header = request.headers["authorization"], header.hasPrefix("Bearer "),
            let account = accounts.project(of: String(header.dropFirst(7)), at: now())
        else { throw .unauthenticated }
        guard account == project else {
            throw FCMError(
                403,
                "PERMISSION_DENIED",
                nil,
                "Permission 'cloudmessaging.messages.create' denied on resource"
            )
        }
        guard let body = request.json, let message = body["message"], case .object(let members) = message else {
            throw .violation("message", "Invalid JSON payload received.")
        }
        if let extra = members.keys.sorted().first(where: { !Self.fields.contains($0) }) {
            let text = "Invalid JSON payload received. Unknown name \"\(extra)\" at 'message': Cannot find field."
            throw .violation("message", text)
        }
        try Self.check(message)
        let target = try Self.target(message)
        let id = "projects/\(project)/messages/0:\(Instant.now().microseconds)%\(RandomText.make(16).lowercased())"
        if body["validate_only"] != .bool(true) {
            note(message, id: id, to: target, project: project, request.body.count)
        }
        return .json(200, ["name": .string(id)])
    }

    private static func check(_ message: JSONValue) throws(FCMError) {
        let size = (try? JSONWriter.encode(message).count) ?? 0
        guard size <= longestPayload else {
            throw FCMError(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Android message is too big")
        }
        if case .object(let data) = message["data"] {
            for (key, value) in data.sorted(by: { $0.key < $1.key }) {
                guard value.string != nil else {
                    throw .violation("message.data[0].value", "Invalid value at 'message.data[0].value' (TYPE_STRING)")
                }
                guard !["from", "message_type"].contains(key), !key.hasPrefix("google."), !key.hasPrefix("gcm.") else {
                    throw FCMError(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Invalid data payload key: \(key)")
                }
            }
        }
        if let ttl = message["android"]?["ttl"]?.string, !ttl.hasSuffix("s") || Double(ttl.dropLast()) == nil {
            throw .violation("message.android.ttl", "Invalid value at 'message.android.ttl' (Duration)")
        }
        if case .object(let headers) = message["apns"]?["headers"], headers.values.contains(where: { $0.string == nil })
        {
            throw .violation("message.apns.headers", "Invalid value at 'message.apns.headers[0].value' (TYPE_STRING)")
        }
    }

    /// Whom a message is for: exactly one token, topic or condition.
    private static func target(_ message: JSONValue) throws(FCMError) -> String {
        let targets = ["token", "topic", "condition"].compactMap { message[$0]?.string }
        guard targets.count == 1, let target = targets.first else {
            throw FCMError(
                400,
                "INVALID_ARGUMENT",
                "INVALID_ARGUMENT",
                "Recipient of the message is not set."
            )
        }
        guard message["token"] != nil else { return target }
        for (prefix, error) in FCMError.byToken where target.hasPrefix(prefix) { throw error }
        guard target.utf8.count >= 16, !target.contains(" "), !target.hasPrefix("malformed") else {
            let text = "The registration token is not a valid FCM registration token"
            throw FCMError(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", text)
        }
        return target
    }

    private func note(_ message: JSONValue, id: String, to target: String, project: String, _ bytes: Int) {
        messages.add(
            ReceivedMessage(
                id: id.split(separator: "/").last.map(String.init) ?? id,
                provider: name,
                channel: "push",
                at: .now(),
                from: project,
                to: [target],
                subject: message["notification"]?["title"]?.string,
                text: message["notification"]?["body"]?.string,
                html: nil,
                reference: message["data"]?["message_id"]?.string,
                headers: [
                    ("priority", message["android"]?["priority"]?.string ?? ""),
                    ("ttl", message["android"]?["ttl"]?.string ?? ""),
                ],
                bytes: bytes
            )
        )
    }
}

/// A refusal in the shape of Google's APIs, with FCM's own code where it has one.
struct FCMError: Error, Sendable {
    let status: Int
    let name: String
    let errorCode: String?
    let message: String
    var field: String?

    init(_ status: Int, _ name: String, _ errorCode: String?, _ message: String) {
        self.status = status
        self.name = name
        self.errorCode = errorCode
        self.message = message
    }

    var reply: SandboxReply {
        var details: [JSONValue] = []
        if let errorCode {
            details.append([
                "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": .string(errorCode),
            ])
        }
        if let field {
            details.append([
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [["field": .string(field), "description": .string(message)]],
            ])
        }
        var error: [String: JSONValue] = [
            "code": .integer(Int64(status)), "message": .string(message), "status": .string(name),
        ]
        if !details.isEmpty { error["details"] = .array(details) }
        return .json(status, ["error": .object(error)])
    }

    static let unauthenticated = FCMError(
        401,
        "UNAUTHENTICATED",
        nil,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
            + "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )

    static func violation(_ field: String, _ message: String) -> FCMError {
        var error = FCMError(400, "INVALID_ARGUMENT", nil, message)
        error.field = field
        return error
    }

    /// Errors by what a registration token begins with.
    static let byToken: [(String, FCMError)] = [
        ("unregistered", FCMError(404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found.")),
        ("othersender", FCMError(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch")),
        (
            "noapns",
            FCMError(
                401,
                "UNAUTHENTICATED",
                "THIRD_PARTY_AUTH_ERROR",
                "Auth error from APNS or Web Push Service"
            )
        ),
        (
            "toofast",
            FCMError(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Message rate exceeded for this device.")
        ),
    ]
}
