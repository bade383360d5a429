import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// Which suppressions a list holds.
struct SuppressionFilter: Sendable {
    /// Whose addresses they have to be about.
    var holder: ContactID?
    var channel: MessageChannel?
    var reason: SuppressionReason?
    var category: MessageCategory?
    /// The keyed hash of the address asked for.
    var addressIndex: [UInt8]?
    var isOldestFirst = false

    var conditions: Query {
        var query: Query = ""
        if let holder {
            query += """
                 and address_index in (
                    select address_index from contact_identities where clinic_id = clinic_id() and contact_id = \(holder)
                    union all
                    select token_index from contact_devices where clinic_id = clinic_id() and contact_id = \(holder))
                """
        }
        if let channel { query += " and channel = \(channel.rawValue)" }
        if let reason { query += " and reason = \(reason.rawValue)" }
        if let category { query += " and category = \(category.rawValue)" }
        if let addressIndex { query += " and address_index = \(addressIndex)" }
        return query
    }

    /// What cursors of the same list have in common; the address stands in it as its hash.
    var name: String {
        [
            "suppressions", holder?.description, channel?.rawValue, reason?.rawValue, category?.rawValue,
            addressIndex?.hex,
            isOldestFirst ? "oldest first" : nil,
        ].map { $0 ?? "" }.joined(separator: "\u{1E}")
    }
}
