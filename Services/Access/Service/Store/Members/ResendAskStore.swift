import Authorization
import Core
import Postgres

/// The table `resend_asks`.
enum ResendAskStore {
    /// A service is heard so often within `window`; whatever makes it ask more is to be mended, not served.
    static let most = 6
    static let window: Duration = .seconds(3_600)
    /// How long a question is recognised when it comes again.
    static let kept: Duration = .seconds(7 * 86_400)

    enum Verdict: Hashable, Sendable { case new, known, tooMany }

    /// Notes a question.
    static func take(_ ask: ResendAsk, at now: Instant, in tx: borrowing Transaction) throws -> Verdict {
        // One after the other, so that questions that come together are counted.
        tx.execute("select pg_advisory_xact_lock(hashtextextended('resend_asks ' || \(ask.service.rawValue), 0))")
        tx.execute("delete from resend_asks where asked_at < \(now - kept)")
        let rows = try tx.rows(
            """
            select count(*) filter (where id = \(ask.id)), count(*) filter (where asked_at > \(now - window))
            from resend_asks where service = \(ask.service.rawValue)
            """
        )
        let same: Int = try rows.first?[0] ?? 0
        let lately: Int = try rows.first?[1] ?? 0
        if same > 0 { return .known }
        if lately >= most { return .tooMany }
        tx.execute(
            """
            insert into resend_asks (id, service, asked_at) values (\(ask.id), \(ask.service.rawValue), \(now))
            """
        )
        return .new
    }
}
