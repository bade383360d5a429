import CommunicationAPI
import Contracts
import Core
import Outbox
import Postgres

/// What providers tell of addresses that take nothing: too many at once, and those that take something after all.
extension SuppressionStore {
    /// Alerts the clinic when providers tell of many addresses at once: a list may be bad, or a sender's name ruined.
    ///
    /// - Parameter new: what has just been added. Whatever else is to be locked is locked before: whoever waits for an alert holds
    ///   nothing that is still wanted.
    static func watch(
        _ new: [StoredSuppression],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let told = new.filter { suppression in
            let isTold = ProviderActor.isOne(suppression.source)
            return isTold && (suppression.reason == .hardBounce || suppression.reason == .complaint)
        }
        guard !told.isEmpty else { return }
        // Ids begin with their time.
        let from = SuppressionID(high: SuppressionID(at: now - .seconds(3_600)).high & ~0xFFFF, low: 0)
        let rows = try tx.rows(
            """
            select count(*) from (
                select 1 from suppressions where clinic_id = clinic_id() and id >= \(from) and source like 'provider:%'
                    and reason in ('hard_bounce', 'complaint') limit \(AlertRules.spike)
            ) as told
            """
        )
        guard let row = rows.first, try row[0] as Int64 >= Int64(AlertRules.spike) else { return }
        // In one order, so that two transactions wait for each other instead of locking both.
        for source in Set(told.map(\.source)).sorted() {
            try AlertStore.raise(.suppressionSpike, about: source, at: now, in: tx)
        }
    }

    /// Takes back that an address takes nothing, as it has shown that it does; the trail tells of it.
    ///
    /// - Parameters:
    ///   - source: only what was told by it.
    ///   - from: what was made before stays, and what was made after `until`.
    ///   - provider: which of them has brought what shows it.
    ///   - why: in a word of ours.
    static func disproveBounce(
        channel: MessageChannel,
        addressIndex: [UInt8],
        source: String? = nil,
        from: Instant? = nil,
        until: Instant? = nil,
        toldBy provider: String,
        _ why: String,
        in tx: borrowing Transaction
    ) throws {
        var query: Query = """
            delete from suppressions where clinic_id = clinic_id() and address_index = \(addressIndex)
                and channel = \(channel.rawValue) and reason = \(SuppressionReason.hardBounce.rawValue)
            """
        if let source { query += " and source = \(source)" }
        if let from { query += " and created_at >= \(from)" }
        if let until { query += " and created_at <= \(until)" }
        query += " returning id"
        for row in try tx.rows(query) {
            let id: SuppressionID = try row[0]
            try ProviderActor.audit(
                provider,
                CommunicationPermissions.deleteSuppressions,
                on: ("suppressions", id.description),
                .succeeded,
                reason: why,
                in: tx
            )
        }
    }
}
