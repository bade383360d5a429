import Core
import Synchronization

/// What Meta knows of messages and of conversations.
final class MetaLedger: Sendable {
    static let most = 20_000
    /// How long somebody who wrote may be written to freely.
    static let window: Duration = .seconds(24 * 3_600)

    struct Sent: Sendable {
        let id: String
        let number: String
        let order: MetaOrder
    }

    private struct State {
        var sent: [String: Sent] = [:]
        var lastInbound: [String: Instant] = [:]
        var lastNumber: String?
    }

    private let state = Mutex(State())

    func add(_ sent: Sent) {
        state.withLock { state in
            if state.sent.count >= Self.most { state.sent = [:] }
            state.sent[sent.id] = sent
            state.lastNumber = sent.number
        }
    }

    func find(_ id: String) -> Sent? { state.withLock { $0.sent[id] } }

    /// The number that sent last.
    var lastNumber: String? { state.withLock { $0.lastNumber } }

    func hear(from user: String, at number: String, now: Instant) {
        state.withLock { state in
            if state.lastInbound.count >= Self.most { state.lastInbound = [:] }
            state.lastInbound["\(number) \(user)"] = now
        }
    }

    func isOpen(_ user: String, with number: String, at now: Instant) -> Bool {
        state.withLock { $0.lastInbound["\(number) \(user)"] }.map { now - $0 < Self.window } ?? false
    }
}
