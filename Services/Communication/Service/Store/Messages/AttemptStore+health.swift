import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// What attempts tell of a provider's health.
extension AttemptStore {
    struct Figures {
        /// The share of calls that it took and has not refused since for its account's sake, 0 to 1 in thousandths; `nil` without
        /// calls.
        var rate: Double?
        /// Milliseconds.
        var p95: Int?
        var lastError: EntryHealth.LastError?
    }

    /// It took the message, and then did not send it for what is wrong with the account.
    ///
    /// A process of before may have told since that it did arrive, and left the fault.
    private static let isRefusedLater: Query = "(event = 'rejected' and event_fault is not null)"

    /// How often an entry's provider was called, calls under way included.
    static func calls(of entry: ProviderEntryID, since: Instant, in tx: borrowing Transaction) throws -> Int {
        let rows = try tx.rows(
            """
            select count(*) from message_attempts
            where clinic_id = clinic_id() and entry_id = \(entry) and started_at >= \(since)
                and (outcome is null or outcome not like 'skipped%')
            """
        )
        let calls: Int64? = try rows.first.map { try $0[0] }
        return Int(calls ?? 0)
    }

    static func figures(of entry: ProviderEntryID, since: Instant, in tx: borrowing Transaction) throws -> Figures {
        let rows = try tx.rows(
            """
            select count(*) filter (where outcome = 'accepted' and not \(isRefusedLater)), count(*),
                percentile_disc(0.95) within group (order by latency_ms)
            from message_attempts
            where clinic_id = clinic_id() and entry_id = \(entry) and started_at >= \(since)
                and outcome is not null and outcome not like 'skipped%'
            """
        )
        var figures = Figures()
        if let row = rows.first {
            let accepted: Int64 = try row[0]
            let total: Int64 = try row[1]
            let p95: Int32? = try row[2]
            if total > 0 { figures.rate = (Double(accepted) / Double(total) * 1_000).rounded() / 1_000 }
            figures.p95 = p95.map { Int($0) }
        }
        let errors = try tx.rows(
            """
            select case when \(isRefusedLater) then event_at else started_at end,
                case when \(isRefusedLater) then event_fault else outcome end,
                case when \(isRefusedLater) then event_code else provider_code end
            from message_attempts
            where clinic_id = clinic_id() and entry_id = \(entry) and outcome not like 'skipped%'
                and (outcome <> 'accepted' or \(isRefusedLater))
            order by started_at desc limit 1
            """
        )
        if let row = errors.first {
            figures.lastError = EntryHealth.LastError(at: try row[0], outcome: try row[1], providerCode: try row[2])
        }
        return figures
    }
}
