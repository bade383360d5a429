import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// Applies opt-outs and opt-ins that people gave to the provider itself, for one category of messages.
struct OptOutIntake: Sendable {
    let index: AddressIndex
    let suppressions: SuppressionStore

    /// Those that were taken before change nothing.
    func take(
        _ optOuts: [CategoryOptOut],
        through entry: ProviderEntry,
        webhook: RequestID,
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        for optOut in optOuts {
            let named = optOut.who.map { (address: $0, index: index.token($0, clinic)) }
            guard let first = named.first,
                try DeliveryStore.isFirst(
                    "\(optOut.category.rawValue):\(first.index.hex):\(optOut.at.seconds):\(optOut.isWanted)",
                    kind: optOut.isWanted ? "wanted" : "unwanted",
                    by: entry,
                    webhook: webhook,
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
            let change = OptOutRecorder.Change(
                isWanted: optOut.isWanted,
                category: optOut.category,
                channel: .whatsapp,
                addresses: addresses,
                source: ProviderActor.name(entry.provider),
                at: min(optOut.at, now)
            )
            try OptOutRecorder(suppressions: suppressions).record(change, in: tx)
        }
    }
}
