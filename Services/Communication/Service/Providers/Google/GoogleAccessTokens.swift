import Contracts
import Core
import Outbound
import Synchronization

/// Access tokens of service accounts, kept in memory until shortly before they end; each is asked for once for all who wait.
final class GoogleAccessTokens: Sendable {
    /// Accounts whose tokens are kept at once.
    static let capacity = 1_000
    /// So long before its end a token is renewed.
    static let margin: Duration = .seconds(300)
    /// An exchange takes no longer.
    static let exchangeTime: Duration = .seconds(8)
    /// A token that names no end.
    static let usualTime: Duration = .seconds(3_600)

    /// A token, or why there is none.
    enum Answer: Sendable {
        case token(Secret)
        case refused(ProviderVerdict)
    }

    private struct Key: Hashable {
        let account: [UInt8]
        let scope: String
    }

    private enum Entry {
        case known(Secret, until: Instant)
        case asking(Task<GoogleTokenReply, Never>)
    }

    private let entries = Mutex<[Key: Entry]>([:])

    /// The token to show now.
    func token(for account: GoogleServiceAccount, scope: String, through http: OutboundHTTP) async -> Answer {
        let key = Key(account: account.fingerprint, scope: scope)
        let task: Task<GoogleTokenReply, Never>
        switch begin(key, account, http) {
        case .known(let token, _): return .token(token)
        case .asking(let running): task = running
        }
        let reply = await task.value
        entries.withLock { entries in
            // Whoever is back first keeps what came; a token that was forgotten meanwhile is not brought back.
            guard case .asking(let running) = entries[key], running == task else { return }
            entries[key] = reply.token.map { Entry.known($0, until: reply.until) }
        }
        return reply.token.map { Answer.token($0) } ?? .refused(reply.verdict)
    }

    /// Drops a token that was not accepted, unless it has been renewed already.
    func forget(_ token: Secret, of account: GoogleServiceAccount, scope: String) {
        let key = Key(account: account.fingerprint, scope: scope)
        entries.withLock { entries in
            if case .known(token, _) = entries[key] { entries[key] = nil }
        }
    }

    private func begin(_ key: Key, _ account: GoogleServiceAccount, _ http: OutboundHTTP) -> Entry {
        let now = Instant.now()
        return entries.withLock { entries in
            switch entries[key] {
            case .known(let token, let until) where until > now: return .known(token, until: until)
            case .asking(let task): return .asking(task)
            case .known, nil:
                // One exchange for all who wait: a task of its own, because none of them may cancel it for the others.
                let task = Task { await Self.exchange(account, key.scope, http, at: now) }
                if entries.count >= Self.capacity, let any = entries.keys.first { entries[any] = nil }
                entries[key] = .asking(task)
                return .asking(task)
            }
        }
    }

    private static func exchange(
        _ account: GoogleServiceAccount,
        _ scope: String,
        _ http: OutboundHTTP,
        at now: Instant
    ) async -> GoogleTokenReply {
        guard let assertion = try? account.assertion(of: scope, at: now) else { return GoogleTokenReply.unusableKey }
        let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=\(assertion)"
        let call = ProviderCall(
            method: "POST",
            url: account.tokenURI,
            headers: [
                (name: "Content-Type", value: "application/x-www-form-urlencoded"),
                (name: "Accept", value: "application/json"), (name: "User-Agent", value: ProviderCall.userAgent),
            ],
            body: Array(form.utf8)
        )
        do throws(OutboundFailure) {
            return GoogleTokenReply(try await http.send(call, deadline: .after(exchangeTime)), at: now)
        } catch {
            return GoogleTokenReply(failure: error)
        }
    }
}
