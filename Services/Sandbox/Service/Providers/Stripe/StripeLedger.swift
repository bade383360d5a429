import Contracts
import Core
import Crypto
import Synchronization

/// What the sandbox's Stripe remembers: intents and idempotency keys, both bounded.
final class StripeLedger: Sendable {
    static let mostIntents = 20_000
    static let mostKeys = 50_000

    /// What a key stands for.
    private enum Kept: Sendable {
        case running(fingerprint: String)
        case done(fingerprint: String, reply: SandboxReply, request: String)
    }

    private struct State {
        var intents: [String: StripeIntent] = [:]
        var order: [String] = []
        var keys: [String: Kept] = [:]
        var keyOrder: [String] = []
    }

    private let state = Mutex(State())

    var all: [StripeIntent] { state.withLock { state in state.order.reversed().compactMap { state.intents[$0] } } }

    /// An intent by its id; of this account, when one is named.
    func find(_ id: String, account: String? = nil) -> StripeIntent? {
        state.withLock { $0.intents[id] }.flatMap { account == nil || $0.account == account ? $0 : nil }
    }

    /// By its id, or by the id that the caller gave it.
    func named(_ id: String) -> StripeIntent? { find(id) ?? all.first { $0.metadata["payment_id"] == id } }

    func add(_ intent: StripeIntent) {
        state.withLock { state in
            state.intents[intent.id] = intent
            state.order.append(intent.id)
            if state.order.count > Self.mostIntents { state.intents[state.order.removeFirst()] = nil }
        }
    }

    /// Changes an intent as it stands now; the change may refuse.
    func change(
        _ id: String,
        _ body: (inout StripeIntent) throws(StripeError) -> Void
    ) throws(StripeError) -> StripeIntent {
        let result: Result<StripeIntent, StripeError> = state.withLock { state in
            guard var intent = state.intents[id] else { return .failure(.noSuch("payment_intent", id)) }
            do throws(StripeError) { try body(&intent) } catch { return .failure(error) }
            state.intents[id] = intent
            return .success(intent)
        }
        return try result.get()
    }

    // MARK: - Idempotency (docs.stripe.com/api/idempotent_requests)

    enum Begin: Sendable {
        case goOn
        case replay(SandboxReply, request: String)
        case refuse(StripeError)
    }

    func begin(_ key: String, account: String, fingerprint: String) -> Begin {
        let name = "\(account) \(key)"
        return state.withLock { state in
            switch state.keys[name] {
            case nil:
                state.keys[name] = .running(fingerprint: fingerprint)
                state.keyOrder.append(name)
                if state.keyOrder.count > Self.mostKeys { state.keys[state.keyOrder.removeFirst()] = nil }
                return .goOn
            case .running(let known):
                return .refuse(known == fingerprint ? .keyInUse(key) : .otherParameters(key))
            case .done(let known, let reply, let request):
                return known == fingerprint ? .replay(reply, request: request) : .refuse(.otherParameters(key))
            }
        }
    }

    /// Keeps the answer, or forgets the key when nothing was begun.
    func end(_ key: String, account: String, fingerprint: String, reply: SandboxReply?, request: String) {
        let name = "\(account) \(key)"
        state.withLock { state in
            if let reply {
                state.keys[name] = .done(fingerprint: fingerprint, reply: reply, request: request)
            } else {
                state.keys[name] = nil
                state.keyOrder.removeAll { $0 == name }
            }
        }
    }

    /// Method, path and body as one value.
    static func fingerprint(_ request: SandboxRequest, path: String) -> String {
        SHA256.hash(data: Array("\(request.method) \(path)\n".utf8) + request.body).map { padded(Int($0), 3) }.joined()
    }
}
