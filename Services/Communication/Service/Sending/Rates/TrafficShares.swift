import CommunicationAPI
import Core
import ProviderConfig

/// Shifts a part of a channel's traffic from an entry that does worse to one behind it, by what this process has seen lately.
///
/// Each process decides by what it has seen, as it does with circuits: messages and webhooks are spread over all of them, so
/// each has a fair part of both. Nobody is asked anything.
struct TrafficShares: Sendable {
    /// A chain in the order in which a message tries it.
    struct Order: Sendable {
        var chain: [ProviderEntry]
        /// Who is tried before its turn, and by how many places.
        var promoted: [ProviderEntryID: Int] = [:]
    }

    let circuits: ProviderCircuits
    let receipts: ReceiptLatencies

    /// The parts of a channel's entries, in their order.
    ///
    /// - Parameter isClosed: whether an entry's circuits are.
    func shares(
        _ clinic: ClinicID,
        _ entries: [ProviderEntry],
        where isClosed: (ProviderEntry) -> Bool
    ) -> [Double] {
        TrafficShareRules.shares(entries.map { isClosed($0) ? record(clinic, $0) : nil })
    }

    /// Per channel moves at most one entry to the front: the one that the message's id falls to under the present shares.
    ///
    /// Entries whose circuit is not closed keep their place. A reply to somebody goes by the number that was written to, and a
    /// message with an unresolved attempt is asked for where its reply was lost: neither is reordered.
    func order(_ chain: [ProviderEntry], for prepared: PreparedMessage, _ clinic: ClinicID) -> Order {
        var order = Order(chain: chain)
        guard prepared.content.through == nil, prepared.unresolved == nil else { return order }
        for channel in Set(chain.map(\.channel)) where prepared.unusable[channel] == nil {
            let all = chain.indices.filter { chain[$0].channel == channel }
            guard all.count > 1 else { continue }
            let places = all.filter { circuits.isClosed(clinic, chain[$0]) }
            let shares = shares(clinic, places.map { chain[$0] }) { _ in true }
            guard let chosen = TrafficShareRules.place(of: prepared.message.id, among: shares), chosen > 0 else {
                continue
            }
            let (turn, place) = (places[0], places[chosen])
            order.chain.insert(order.chain.remove(at: place), at: turn)
            order.promoted[chain[place].id] = place - turn
        }
        return order
    }

    private func record(_ clinic: ClinicID, _ entry: ProviderEntry) -> ProviderStats {
        // By WhatsApp a conversation is open with one number, and templates are approved for it.
        if entry.channel == MessageChannel.whatsapp.rawValue { return ProviderStats() }
        let figures = receipts.figures(CircuitKey(clinic, entry))
        return ProviderStats(
            calls: circuits.totals(clinic, entry),
            receipts: figures.count,
            lateReceipts: figures.late
        )
    }
}
