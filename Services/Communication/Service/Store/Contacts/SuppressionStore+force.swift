import CommunicationAPI
import Core
import Postgres

/// What is in force, and keeps messages away.
extension SuppressionStore {
    /// What keeps a message of a category away from addresses now, by channel; the weightiest of each.
    static func blocking(
        _ pairs: [(channel: MessageChannel, addressIndex: [UInt8])],
        category: MessageCategory,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [MessageChannel: StoredSuppression] {
        weightiest(try inForce(pairs.map(\.addressIndex), at: now, in: tx), pairs, category)
    }

    /// All that is suppressed of some addresses now, on whichever channel.
    static func inForce(
        _ addressIndexes: [[UInt8]],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [StoredSuppression] {
        guard !addressIndexes.isEmpty else { return [] }
        let rows = try tx.rows(
            """
            select \(columns) from suppressions
            where clinic_id = clinic_id() and address_index = any (\(ByteColumns(addressIndexes)))
                and (expires_at is null or expires_at > \(now))
            """
        )
        return try rows.map(decode)
    }

    /// How a contact has opted out now, under whichever of their addresses.
    static func optOuts(
        of holder: ContactID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [StoredSuppression] {
        var query: Query = """
            select \(columns) from suppressions where clinic_id = clinic_id() and (expires_at is null or expires_at > \(now))
            """
        query += SuppressionFilter(holder: holder).conditions
        return try tx.rows(query).map(decode).filter { SuppressionRules.isOptOut($0.reason) }
    }

    /// Of what is in force, what keeps a message of a category away from its addresses.
    ///
    /// - Parameter confirmed: what the message confirms, where it confirms something.
    static func weightiest(
        _ found: [StoredSuppression],
        _ pairs: [(channel: MessageChannel, addressIndex: [UInt8])],
        _ category: MessageCategory,
        confirming confirmed: OptOutConfirmation? = nil
    ) -> [MessageChannel: StoredSuppression] {
        let blocking = found.filter { suppression in
            pairs.contains { $0.channel == suppression.channel && $0.addressIndex == suppression.addressIndex }
                && SuppressionRules.blocks(suppression.reason, of: suppression.category, category)
                && !SuppressionRules.isPassed(suppression.reason, by: confirmed)
        }
        return Dictionary(blocking.map { ($0.channel, $0) }) { first, second in
            SuppressionRules.rank(first.reason) <= SuppressionRules.rank(second.reason) ? first : second
        }
    }

    /// Of what is in force, on which channels the recipient has opted out of a category, and how.
    static func optOuts(
        _ found: [StoredSuppression],
        _ pairs: [(channel: MessageChannel, addressIndex: [UInt8])],
        _ category: MessageCategory
    ) -> [MessageChannel: SuppressionReason] {
        weightiest(found.filter { SuppressionRules.isOptOut($0.reason) }, pairs, category).mapValues(\.reason)
    }
}
