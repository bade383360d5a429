import CommunicationAPI
import Core
import Postgres

/// Records opt-outs (STOP) and opt-ins (START): adds or removes `stop` suppressions of every address that the person is known
/// by, unless a newer instruction of theirs is known (`LatestInstructionStore`).
struct OptOutRecorder: Sendable {
    /// How far the provider's clock may be from ours.
    static let clockDifference: Duration = .seconds(60)

    let suppressions: SuppressionStore

    /// An opt-out or opt-in, for all addresses that the person is known by; recorded again it changes nothing.
    struct Change: Sendable {
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

    /// - Returns: whether it is the newest that is known of any of the addresses.
    @discardableResult
    func record(_ change: Change, in tx: borrowing Transaction) throws -> Bool {
        var isNewest = false
        // In one order, so that two who are known by the same addresses wait for each other instead of locking both.
        for address in change.addresses.sorted(by: { $0.index.lexicographicallyPrecedes($1.index) }) {
            let isLatest = try LatestInstructionStore.note(
                .messages(change.category),
                ends: !change.isWanted,
                on: change.channel,
                address.index,
                saidAt: change.at,
                in: tx
            )
            guard isLatest else { continue }
            isNewest = true
            if change.isWanted {
                _ = try SuppressionStore.remove(
                    channel: change.channel,
                    addressIndex: address.index,
                    reason: .stop,
                    category: change.category,
                    madeUntil: change.at + Self.clockDifference,
                    in: tx
                )
            } else {
                try suppressions.add(
                    channel: change.channel,
                    addressIndex: address.index,
                    address: address.text,
                    reason: .stop,
                    category: change.category,
                    source: change.source,
                    at: change.at,
                    in: tx
                )
            }
        }
        return isNewest
    }
}
