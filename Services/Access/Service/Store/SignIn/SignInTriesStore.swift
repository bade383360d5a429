import Core
import Postgres

/// The table `sign_in_tries`; through the installation's door.
enum SignInTriesStore {
    /// What is known of the sources, locked until the end of the transaction: tries at one account are judged one by one.
    static func lock(_ sources: TrySources, at now: Instant, in tx: borrowing Transaction) throws -> Lockout {
        tx.execute(
            """
            insert into sign_in_tries (email_hash, source, updated_at)
            select \(sources.emailHash), source, \(now) from unnest(\(ByteColumns(sources.all))) as s (source)
            on conflict do nothing
            """
        )
        let rows = try tx.rows(
            """
            select source, failures, last_failed_at, blocked_until, succeeded_at from sign_in_tries
            where email_hash = \(sources.emailHash) and source = any(\(ByteColumns(sources.all)))
            order by source for update
            """
        )
        var lockout = Lockout()
        for row in rows {
            let source: [UInt8] = try row[0]
            let tries = Lockout.Tries(
                failures: try row[1],
                lastFailedAt: try row[2],
                blockedUntil: try row[3],
                succeededAt: try row[4]
            )
            switch source {
            case sources.device: lockout.device = tries
            case sources.network: lockout.network = tries
            default: lockout.strangers = tries
            }
        }
        return lockout
    }

    static func save(_ lockout: Lockout, of sources: TrySources, at now: Instant, in tx: borrowing Transaction) {
        for (source, tries) in [
            (sources.device, lockout.device), (sources.network, lockout.network),
            (TrySources.strangers, lockout.strangers),
        ] {
            tx.execute(
                """
                update sign_in_tries set failures = \(tries.failures), last_failed_at = \(tries.lastFailedAt),
                    blocked_until = \(tries.blockedUntil), succeeded_at = \(tries.succeededAt), updated_at = \(now)
                where email_hash = \(sources.emailHash) and source = \(source)
                """
            )
        }
    }

    /// Drops up to `limit` rows that nothing follows from any more; returns how many.
    static func forget(limit: Int, at now: Instant, in tx: borrowing Transaction) throws -> Int {
        try tx.rows(
            """
            delete from sign_in_tries where ctid in (
                select ctid from sign_in_tries
                where updated_at < \(now - Lockout.memory)
                    and (succeeded_at is null or succeeded_at < \(now - Lockout.deviceMemory))
                order by updated_at limit \(limit) for update skip locked)
            """
        ).affected
    }
}
