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
        var media: [String: ReceivedFile] = [:]
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

    /// Files kept at once; then all are forgotten.
    static let mostMedia = 100

    /// Keeps a file; gives its id.
    func add(_ file: ReceivedFile) -> String {
        let id = "\(Int64.random(in: 1_000_000_000_000_000...9_999_999_999_999_999))"
        state.withLock { state in
            if state.media.count >= Self.mostMedia { state.media = [:] }
            state.media[id] = file
        }
        return id
    }

    func media(_ id: String) -> ReceivedFile? { state.withLock { $0.media[id] } }

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
