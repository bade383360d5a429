import CommunicationAPI
import Core
import ProviderConfig

/// Which entries a clinic's messages are handed first, by how each has done of late in this process.
///
/// Each process decides by what it has seen, as it does with circuits: messages and webhooks are spread over all of them, so
/// each has a fair part of both. Nobody is asked anything.
struct ProviderShares: Sendable {
    /// A chain in the order in which a message tries it.
    struct Order: Sendable {
        var chain: [ProviderEntry]
        /// Who is tried before its turn, and by how many places.
        var ahead: [ProviderEntryID: Int] = [:]
    }

    let circuits: CircuitBook
    let receipts: ReceiptBook

    /// The parts of a channel's entries, in their order.
    ///
    /// - Parameter isClosed: whether an entry's circuits are.
    func shares(
        _ clinic: ClinicID,
        _ entries: [ProviderEntry],
        where isClosed: (ProviderEntry) -> Bool
    ) -> [Double] {
        ShareRules.shares(entries.map { isClosed($0) ? record(clinic, $0) : nil })
    }

    /// Puts the entry first in each channel that is to have the message first; codes and urgent messages lose most where
    /// somebody fails, and go the same way.
    ///
    /// Whoever is not called as they come keeps its place, and is passed over or tried there. What answers somebody goes by the
    /// number that was written to, and a lost reply is asked for where it was lost.
    func order(_ chain: [ProviderEntry], for work: SendingWork, _ clinic: ClinicID) -> Order {
        var order = Order(chain: chain)
        guard work.content.through == nil, work.unresolved == nil else { return order }
        for channel in Set(chain.map(\.channel)) where work.closed[channel] == nil {
            let all = chain.indices.filter { chain[$0].channel == channel }
            guard all.count > 1 else { continue }
            let places = all.filter { circuits.isClosed(clinic, chain[$0]) }
            let shares = shares(clinic, places.map { chain[$0] }) { _ in true }
            guard let chosen = ShareRules.place(of: work.message.id, among: shares), chosen > 0 else { continue }
            let (turn, place) = (places[0], places[chosen])
            order.chain.insert(order.chain.remove(at: place), at: turn)
            order.ahead[chain[place].id] = place - turn
        }
        return order
    }

    private func record(_ clinic: ClinicID, _ entry: ProviderEntry) -> EntryRecord {
        // By WhatsApp a conversation is open with one number, and templates are approved for it.
        if entry.channel == MessageChannel.whatsapp.rawValue { return EntryRecord() }
        let figures = receipts.figures(CircuitKey(clinic, entry))
        return EntryRecord(
            calls: circuits.totals(clinic, entry),
            receipts: figures.count,
            lateReceipts: figures.late
        )
    }
}
