import CommunicationAPI
import Core
import Postgres

/// Finds out for whom a text is that came to the installation's own number, which writes for many clinics.
///
/// It is the clinic's whose message it answers; where it names none, the only clinic's that has written to its sender lately.
/// Where several have, nobody is told what may be another's: a word that ends messages, or has them begin again, is said to all
/// of them, and nothing else.
struct SharedTexts: Sendable {
    struct Found: Sendable {
        /// Texts by the clinic that they are for.
        var known: [ClinicID: [InboundText]] = [:]
        /// Texts that say of messages themselves something, by the clinics that they may not be for and that have to heed it.
        var optOuts: [ClinicID: [InboundText]] = [:]
        /// Those that are nobody's.
        var unknown: [InboundText] = []
    }

    let providerIDs: ProviderIDHash
    /// Who brought them: what one provider sends is answered to the same.
    let provider: String

    func sorted(_ texts: [InboundText], _ database: Database) async throws -> Found {
        let named = texts.map {
            (text: $0, answers: $0.answers.map { providerIDs.hash(provider, $0) }, sender: sender(of: $0))
        }
        let (owners, writers) = try await database.through(.lookup) { [named] tx in
            (
                try MessageClinicStore.clinics(Array(Set(named.flatMap(\.answers))), in: tx),
                try RecipientClinicStore.all(Array(Set(named.flatMap(\.sender))), in: tx)
            )
        }
        var found = Found()
        for (text, answers, sender) in named {
            var wrote = sender.reduce(into: Set<ClinicID>()) { $0.formUnion(writers[$1] ?? []) }
            if let clinic = answers.lazy.compactMap({ owners[$0] }).first ?? (wrote.count == 1 ? wrote.first : nil) {
                found.known[clinic, default: []].append(text)
                // What the provider has made of it holds for its number, whoever writes from it.
                wrote = text.optOut == nil ? [] : wrote.subtracting([clinic])
            } else {
                found.unknown.append(text)
            }
            guard InboundIntake.optOutCommand(text) != nil else { continue }
            for clinic in wrote { found.optOuts[clinic, default: []].append(text) }
        }
        return found
    }

    /// By all names under which they may have been written to.
    private func sender(of text: InboundText) -> [[UInt8]] {
        ([text.from] + (text.alias.map { [ChannelAddress($0)] } ?? [])).flatMap { providerIDs.hashes(provider, to: $0) }
    }
}
