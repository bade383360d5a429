import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// Has the clinic keep to what people told a provider itself of a category of its messages.
struct WishIntake: Sendable {
    let index: AddressIndex
    let suppressions: SuppressionStore

    /// Wishes that were taken before change nothing.
    func take(
        _ wishes: [CategoryWish],
        through entry: ProviderEntry,
        notice: RequestID,
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        for wish in wishes {
            let named = wish.who.map { (address: $0, index: index.token($0, clinic)) }
            guard let first = named.first,
                try DeliveryStore.isFirst(
                    "\(wish.category.rawValue):\(first.index.hex):\(wish.at.seconds):\(wish.isWanted)",
                    kind: wish.isWanted ? "wanted" : "unwanted",
                    by: entry,
                    notice: notice,
                    at: now,
                    in: tx
                )
            else { continue }
            // Whoever says it under one name says it under all of them.
            let known = try named.flatMap { try ContactStore.aliases($0.index, in: tx) }
            var addresses = named.map { (index: $0.index, text: String?.some($0.address.text)) }
            for index in known where !addresses.contains(where: { $0.index == index }) {
                addresses.append((index, nil))
            }
            let said = WishKeeper.Wish(
                isWanted: wish.isWanted,
                category: wish.category,
                channel: .whatsapp,
                addresses: addresses,
                source: ProviderActor.name(entry.provider),
                at: min(wish.at, now)
            )
            try WishKeeper(suppressions: suppressions).keep(said, in: tx)
        }
    }
}
