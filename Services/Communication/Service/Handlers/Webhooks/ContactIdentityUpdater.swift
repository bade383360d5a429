import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// Has contacts be known by what WhatsApp calls them now, with their conversation and what they said of messages.
struct ContactIdentityUpdater: Sendable {
    /// What somebody wanted themselves, or was decided of them; that an address takes nothing is the address's own.
    private static let ownDecisions: Set<SuppressionReason> = [.complaint, .manual, .stop, .unsubscribe]

    let index: AddressIndex
    let suppressions: SuppressionStore

    /// Doing it again changes nothing.
    func follow(
        _ change: WhatsAppIdentityChange,
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let sealer = try suppressions.dataKeys.sealer(for: clinic, in: tx)
        try ContactStore.follow(change, index: index, sealer: sealer, at: now, in: tx)
        for (gone, heir) in change.replaced {
            let (old, new) = (index.token(gone, clinic), index.token(heir, clinic))
            for kept in try SuppressionStore.inForce([old], at: now, in: tx)
            where kept.channel == .whatsapp && Self.ownDecisions.contains(kept.reason) {
                try suppressions.add(
                    channel: .whatsapp,
                    addressIndex: new,
                    address: heir.text,
                    reason: kept.reason,
                    category: kept.category,
                    source: kept.source,
                    expires: kept.expiresAt,
                    at: kept.createdAt,
                    in: tx
                )
            }
            try InboundStore.move(from: old, to: heir, new, with: sealer, in: tx)
        }
    }
}
