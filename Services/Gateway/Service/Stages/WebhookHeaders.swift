import Contracts
import Core

/// The headers of a webhook that reach its service, which verifies them.
///
/// Where a provider signs is its own to say, so all are passed on but those that are about something else. Of other
/// operations none is.
enum WebhookHeaders {
    /// Names and values together, in bytes; what is beyond is left out, and no signature is found in it.
    static let most = 16_384
    /// About the connection, the client's program or the request as HTTP sees it.
    static let keptBack: Set<String> = [
        "accept", "accept-charset", "accept-encoding", "accept-language", "baggage", "cache-control", "connection",
        "content-encoding", "content-length", "cookie", "expect", "forwarded", "host", "idempotency-key", "if-match",
        "if-none-match", "keep-alive", "origin", "pragma", "referer", "te", "traceparent", "tracestate", "trailer",
        "transfer-encoding", "upgrade", "user-agent", "via", "x-clinic-id", "x-real-ip", "x-request-id",
    ]
    /// The same; `body-` is how pieces of a body are told, which no client may say.
    static let prefixesKeptBack = ["body-", "proxy-", "sec-", "x-forwarded-"]

    static func passedOn(_ operation: Operation, _ head: RequestHead) -> [String: String] {
        guard case .signature = operation.guard else { return [:] }
        return signed(head.fields)
    }

    /// Those of a webhook's that its signature may stand in.
    static func signed(_ fields: some Sequence<(name: String, value: String)>) -> [String: String] {
        var passed: [String: String] = [:]
        var room = most
        for (name, value) in fields {
            let name = name.lowercased()
            room -= name.utf8.count + value.utf8.count
            guard room >= 0 else { break }
            if keptBack.contains(name) || prefixesKeptBack.contains(where: name.hasPrefix) { continue }
            passed[name] = value
        }
        return passed
    }
}
