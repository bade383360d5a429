import Synchronization

/// The messages that Twilio took, and the tokens of the accounts that have called.
final class TwilioLedger: Sendable {
    static let most = 20_000

    struct Sent: Sendable {
        let sid: String
        let account: String
        let order: TwilioOrder
    }

    private struct State {
        var sent: [String: Sent] = [:]
        var order: [String] = []
        var tokens: [String: String] = [:]
        var lastAccount: String?
    }

    private let state = Mutex(State())

    var lastAccount: String? { state.withLock { $0.lastAccount } }

    func note(_ token: String, of account: String) {
        state.withLock { state in
            state.tokens[account] = token
            state.lastAccount = account
        }
    }

    func token(of account: String) -> String? { state.withLock { $0.tokens[account] } }

    func add(_ sent: Sent) {
        state.withLock { state in
            state.sent[sent.sid] = sent
            state.order.append(sent.sid)
            if state.order.count > Self.most { state.sent[state.order.removeFirst()] = nil }
        }
    }

    /// What an account has sent, the newest first.
    func all(of account: String) -> [Sent] {
        state.withLock { state in state.order.reversed().compactMap { state.sent[$0] } }.filter {
            $0.account == account
        }
    }

    func find(_ sid: String) -> Sent? { state.withLock { $0.sent[sid] } }
}
