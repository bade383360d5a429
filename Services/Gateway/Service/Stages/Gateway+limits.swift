import Contracts
import Core
import Telemetry
import Metrics

/// Rate limits and idempotency keys.
extension Gateway {
    /// Longest idempotency key, in characters.
    static let longestKey = 255

    func limit(_ operation: Operation, _ exchange: inout Exchange) throws(Problem) {
        let verdict = limiter.take(
            class: operation.routeClass,
            caller: exchange.caller,
            clinic: exchange.clinic,
            address: exchange.address,
            at: exchange.request.receivedAt
        )
        exchange.limits = verdict
        guard let wait = verdict?.retryAfter else { return }
        // Some providers never repeat what was refused, but all repeat what could not be taken.
        guard !exchange.isWebhook else { throw .unavailable("Room for more webhooks", retryAfter: wait) }
        throw Problem(429, "rate_limited", "Too many requests.", retryable: true, retryAfter: wait)
    }

    /// Takes the client's key, or makes one, so that a client that got no answer can repeat its request.
    func chooseKey(_ operation: Operation, _ exchange: inout Exchange) throws(Problem) {
        guard let key = exchange.head.idempotencyKey else {
            if operation.isIdempotent { exchange.idempotencyKey = exchange.id.description }
            return
        }
        guard operation.isIdempotent else {
            if operation.verb == .POST {
                throw Problem(400, "idempotency_key_refused", "This operation takes no Idempotency-Key.")
            }
            return
        }
        guard (1...Self.longestKey).contains(key.utf8.count), key.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw .malformed("The Idempotency-Key must be 1 to \(Self.longestKey) visible ASCII characters.")
        }
        exchange.idempotencyKey = key
        exchange.isClientsKey = true
    }
}
