import CommunicationAPI
import Core
import Postgres
import ProviderConfig
import Resilience

/// What a round through a message's providers has to write down, with the next transaction that is due anyway.
enum PendingWrite: Sendable {
    case skipped(Int, ProviderEntry, AttemptOutcome, detail: String, at: Instant)
    case closed(Int, ProviderEntry, ProviderVerdict, latency: Duration, using: String)
    case circuit(ProviderEntry, CircuitView)
    case alert(AlertKind, ProviderEntry)
    /// What the installation's provider calls the message, hashed.
    case known([UInt8])
    /// Whom the installation's provider was given it for, hashed.
    case wrote([UInt8], at: Instant)
    /// A provider says that the app on a contact's device is gone.
    case gone(PushDevice)
    /// A provider has taken a notice for a device that was registered anew.
    case reached(PushDevice, at: Instant)
    case suppressed(
        SuppressionStore,
        ChannelAddress,
        index: [UInt8],
        SuppressionReason,
        category: MessageCategory?,
        by: ProviderEntry
    )

    /// Whether it tells of a provider that was not called.
    var isSkip: Bool {
        if case .skipped = self { true } else { false }
    }

    /// Writes what is the message's own.
    fileprivate func apply(to id: MessageID, in tx: borrowing Transaction) throws {
        switch self {
        case .skipped(let number, let entry, let outcome, let detail, let at):
            AttemptStore.skip(number, of: id, with: entry, outcome, detail: detail, at: at, in: tx)
        case .closed(let number, let entry, let verdict, let latency, let using):
            try AttemptStore.close(number, of: id, at: entry.provider, verdict, latency: latency, using: using, in: tx)
        case .known(let hash): MessageClinicStore.insert(hash, in: tx)
        case .wrote(let hash, let at): RecipientClinicStore.insert(hash, at: at, in: tx)
        case .gone(let device): ContactDeviceStore.giveUp(device, in: tx)
        case .reached(let device, let at): ContactDeviceStore.taken(device, at: at, in: tx)
        case .circuit, .alert, .suppressed: break
        }
    }

    /// Suppresses an address where it says so; gives the suppression that is new by that.
    fileprivate func suppress(in tx: borrowing Transaction) throws -> StoredSuppression? {
        guard case .suppressed(let store, let address, let index, let reason, let category, let entry) = self else {
            return nil
        }
        let added = try store.add(
            channel: address.channel,
            addressIndex: index,
            address: address.text,
            reason: reason,
            category: category,
            source: ProviderActor.name(entry.provider),
            at: .now(),
            in: tx
        )
        return added.isNew ? added.suppression : nil
    }

    /// Tells of a provider what everybody is to know.
    fileprivate func tell(in tx: borrowing Transaction) throws {
        switch self {
        case .circuit(let entry, let view): try CircuitNews.write(view, of: entry, in: tx)
        case .alert(let alert, let entry):
            try AlertStore.raise(alert, about: AlertStore.subject(of: entry), at: .now(), in: tx)
        default: break
        }
    }
}

/// The message itself is written in between: who has locked a message, as reports of its delivery do, suppresses addresses and
/// then raises alerts after that, and two must not wait for one another crosswise.
extension [PendingWrite] {
    func applyOwn(to id: MessageID, in tx: borrowing Transaction) throws {
        for write in self { try write.apply(to: id, in: tx) }
    }

    func applyNews(in tx: borrowing Transaction) throws {
        let new = try compactMap { try $0.suppress(in: tx) }
        for write in self { try write.tell(in: tx) }
        try SuppressionStore.watch(new, at: .now(), in: tx)
    }
}
