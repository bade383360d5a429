import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// What a transaction does to attempts, written for all of its messages together.
enum AttemptChange: BatchedRow {
    case made(NewAttempt)
    case closed(Int, of: MessageID, ProviderVerdict, latency: Duration?)

    /// Closes come first: a message has one open attempt at most.
    static func statements(for changes: [AttemptChange]) -> [Query] {
        var made: [NewAttempt] = []
        var closed: [(number: Int, message: MessageID, verdict: ProviderVerdict, latency: Duration?)] = []
        for change in changes {
            switch change {
            case .made(let attempt): made.append(attempt)
            case .closed(let number, let message, let verdict, let latency):
                closed.append((number, message, verdict, latency))
            }
        }
        let opened = made.filter { $0.outcome == nil }
        let passedOver = made.filter { $0.outcome != nil }
        var statements: [Query] = []
        if !closed.isEmpty { statements.append(close(closed)) }
        if !passedOver.isEmpty { statements.append(insert(passedOver, "do nothing")) }
        if !opened.isEmpty { statements.append(insert(opened, replacingSkip)) }
        return statements
    }

    /// A call is noted whatever is there: a run of the message's former course may have used its number for whom it passed over.
    private static let replacingSkip: Query = """
        (clinic_id, message_id, number) do update set channel = excluded.channel, provider = excluded.provider,
            entry_id = excluded.entry_id, fingerprint = excluded.fingerprint, is_default = excluded.is_default,
            started_at = excluded.started_at, held_until = excluded.held_until, outcome = null, detail = null
        where message_attempts.outcome like 'skipped%'
        """

    /// - Parameter conflict: what becomes of one whose number is taken.
    private static func insert(_ attempts: [NewAttempt], _ conflict: Query) -> Query {
        """
        insert into message_attempts (clinic_id, message_id, number, channel, provider, entry_id, fingerprint, is_default,
            started_at, held_until, outcome, detail)
        select clinic_id(), a.message_id, a.number, a.channel, a.provider, a.entry_id, a.fingerprint, a.is_default <> 0,
            a.started_at, a.held_until, a.outcome, a.detail
        from unnest(\(attempts.map(\.message)), \(attempts.map(\.number)), \(attempts.map(\.entry.channel)),
            \(attempts.map(\.entry.provider)), \(attempts.map(\.entry.id)), \(attempts.map(\.entry.fingerprint)),
            \(attempts.map { $0.entry.isDefault ? 1 : 0 }), \(attempts.map(\.startedAt)),
            \(OptionalColumns(attempts.map(\.heldUntil))), \(OptionalColumns(attempts.map { $0.outcome?.rawValue })),
            \(OptionalColumns(attempts.map(\.detail))))
            as a (message_id, number, channel, provider, entry_id, fingerprint, is_default, started_at, held_until, outcome,
                detail)
        on conflict \(conflict)
        """
    }

    private static func close(
        _ closed: [(number: Int, message: MessageID, verdict: ProviderVerdict, latency: Duration?)]
    ) -> Query {
        """
        update message_attempts as a set outcome = c.outcome, latency_ms = c.latency,
            provider_message_id = c.provider_message, provider_code = c.code, detail = c.detail
        from unnest(\(closed.map(\.message)), \(closed.map(\.number)), \(closed.map(\.verdict.outcome.rawValue)),
            \(OptionalColumns(closed.map { $0.latency?.milliseconds })), \(OptionalColumns(closed.map(\.verdict.messageID))),
            \(OptionalColumns(closed.map(\.verdict.code))), \(OptionalColumns(closed.map(\.verdict.detail))))
            as c (message, number, outcome, latency, provider_message, code, detail)
        where a.clinic_id = clinic_id() and a.message_id = c.message and a.number = c.number and a.outcome is null
        """
    }
}

/// A row of `message_attempts` that is to be written.
struct NewAttempt: Sendable {
    let number: Int
    let message: MessageID
    let entry: ProviderEntry
    let startedAt: Instant
    /// Until when whoever opened it may still be at work; `nil` where nobody was called.
    var heldUntil: Instant?
    var outcome: AttemptOutcome?
    var detail: String?
}
