import CommunicationAPI
import Core
import Postgres

/// Has the clinic keep to what people say of its messages: that they end, or begin again.
///
/// News come in any order, and late: what was said last holds.
struct WishKeeper: Sendable {
    /// What is noted by our own clock may be so much ahead of the provider's.
    static let clockDifference: Duration = .seconds(60)

    let suppressions: SuppressionStore

    /// What somebody says under the addresses that they are known by; again, it changes nothing.
    struct Wish: Sendable {
        var isWanted: Bool
        /// Of which messages; of all where it is `nil`.
        var category: MessageCategory?
        var channel: MessageChannel
        /// Each by its keyed hash (`AddressIndex`), and in the clear where it is known.
        var addresses: [(index: [UInt8], text: String?)]
        /// What a suppression says of where it comes from.
        var source: String
        /// When they said so; when it came where nobody tells.
        var at: Instant
    }

    func keep(_ wish: Wish, in tx: borrowing Transaction) throws {
        // In one order, so that two who are known by the same addresses wait for each other instead of locking both.
        for address in wish.addresses.sorted(by: { $0.index.lexicographicallyPrecedes($1.index) }) {
            let isLatest = try LatestWordStore.note(
                .messages(wish.category),
                ends: !wish.isWanted,
                on: wish.channel,
                address.index,
                saidAt: wish.at,
                in: tx
            )
            guard isLatest else { continue }
            if wish.isWanted {
                _ = try SuppressionStore.remove(
                    channel: wish.channel,
                    addressIndex: address.index,
                    reason: .stop,
                    category: wish.category,
                    madeUntil: wish.at + Self.clockDifference,
                    in: tx
                )
            } else {
                try suppressions.add(
                    channel: wish.channel,
                    addressIndex: address.index,
                    address: address.text,
                    reason: .stop,
                    category: wish.category,
                    source: wish.source,
                    at: wish.at,
                    in: tx
                )
            }
        }
    }
}
