import Contracts
import Core

/// One provider's part: refuses what the real one refuses, in its words, and remembers what it took.
protocol SandboxProvider: Sendable {
    /// Its name in paths, faults and messages: everything under `/<name>/` is for it.
    var name: String { get }
    /// Answers a call; `path` is what stands behind the provider's name.
    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply
    /// The provider's own answer while it fails: 500, 503, or 429.
    func failure(_ status: Int) -> SandboxReply
    /// Where it tells of what happened; `nil` for providers without webhooks here.
    var webhooks: WebhookSender? { get }
    /// Registers an address for webhooks; `nil` when it is none, or it sends none.
    func subscribe(_ url: String, _ secret: String?, _ request: SandboxRequest) -> WebhookSender.Endpoint?
    /// Tells what became of a message for some of its recipients; `false` when it has no webhook for that.
    func tell(_ event: MailEvent, of message: ReceivedMessage, to recipients: [String]) -> Bool
    /// Payments it holds.
    var payments: (any SandboxPayments)? { get }
}

extension SandboxProvider {
    var webhooks: WebhookSender? { nil }
    var payments: (any SandboxPayments)? { nil }

    func subscribe(_ url: String, _ secret: String?, _ request: SandboxRequest) -> WebhookSender.Endpoint? {
        webhooks?.add(url, secret)
    }

    func tell(_ event: MailEvent, of message: ReceivedMessage, to recipients: [String]) -> Bool { false }

    /// Tells what becomes of a message by itself.
    func tellUsual(of message: ReceivedMessage) {
        for recipient in message.to {
            for event in MailEvent.usual(for: recipient) { _ = tell(event, of: message, to: [recipient]) }
        }
    }
}

/// Payments that somebody can pay, fail or dispute by hand.
protocol SandboxPayments: Sendable {
    var list: [JSONValue] { get }
    /// Acts for the payer; `nil` when there is no such payment.
    func act(_ action: PayerAction, on id: String, clientSecret: String?) async -> SandboxReply?
}

enum PayerAction: String, Sendable { case pay, fail, dispute }

/// A call as it came.
struct SandboxRequest: Sendable {
    let method: String
    /// Decoded, without the query.
    let path: String
    /// As the request line has it, with the query: what signatures are made over.
    let target: String
    let query: [(String, String)]
    /// By lower-case names; repeated ones joined with commas.
    var headers: [String: String]
    let body: [UInt8]

    /// The body as JSON, if it is.
    var json: JSONValue? { try? JSONTape(body).decode(JSONValue.self) }
}

/// An answer, or a connection that closes without one.
struct SandboxReply: Sendable {
    var status: Int
    var headers: [(String, String)]
    var body: [UInt8]
    var dropsConnection = false

    init(_ status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    static func json(_ status: Int, _ value: JSONValue, _ headers: [(String, String)] = []) -> SandboxReply {
        let bytes = (try? JSONWriter.encode(value)) ?? []
        return SandboxReply(
            status,
            headers: [("Content-Type", "application/json;charset=utf-8")] + headers,
            body: bytes
        )
    }

    static func html(_ text: String) -> SandboxReply {
        SandboxReply(200, headers: [("Content-Type", "text/html; charset=utf-8")], body: Array(text.utf8))
    }

    static let dropped: SandboxReply = {
        var reply = SandboxReply(0)
        reply.dropsConnection = true
        return reply
    }()

    static func problem(_ status: Int, _ detail: String) -> SandboxReply {
        .json(status, ["status": .integer(Int64(status)), "detail": .string(detail)])
    }
}
