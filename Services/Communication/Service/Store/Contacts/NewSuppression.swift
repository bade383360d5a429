import CommunicationAPI
import Core

/// An address that is to be suppressed, with others.
struct NewSuppression: Sendable {
    /// What there is one suppression of.
    struct Key: Hashable, Comparable {
        let addressIndex: String
        let channel: String
        let reason: String
        let category: String

        static func < (first: Key, second: Key) -> Bool {
            (first.addressIndex, first.channel, first.reason, first.category)
                < (second.addressIndex, second.channel, second.reason, second.category)
        }
    }

    let channel: MessageChannel
    /// See `AddressIndex`.
    let addressIndex: [UInt8]
    /// In the clear.
    let address: String
    let reason: SuppressionReason
    /// What it keeps away, everything when `nil`.
    let category: MessageCategory?
    /// `nil`: until it is released.
    let expiresAt: Instant?

    var key: Key {
        Key(
            addressIndex: addressIndex.hex,
            channel: channel.rawValue,
            reason: reason.rawValue,
            category: category?.rawValue ?? ""
        )
    }

    func lasts(asLongAs other: NewSuppression) -> Bool {
        guard let expiresAt else { return true }
        return other.expiresAt.map { expiresAt >= $0 } ?? false
    }
}
