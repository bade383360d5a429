import CommunicationAPI
import Core
import Postgres

/// Finds out for whom a text is that came to the installation's own number (`SharedAccount`).
///
/// Where several clinics have written to its sender, a word that ends messages, or has them begin again, is said to all of them,
/// and nothing else.
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
        let names = texts.map { text in
            SharedAccount.Names(messages: text.answers.map { providerIDs.hash(provider, $0) }, person: sender(of: text))
        }
        var found = Found()
        for (text, clinics) in zip(texts, try await SharedAccount(database: database).clinics(of: names)) {
            var heeding = clinics.writers
            if let clinic = clinics.addressee {
                found.known[clinic, default: []].append(text)
                // What the provider has made of it holds for its number, whoever writes from it.
                heeding = text.optOut == nil ? [] : heeding.subtracting([clinic])
            } else {
                found.unknown.append(text)
            }
            guard InboundIntake.optOutCommand(text) != nil else { continue }
            for clinic in heeding { found.optOuts[clinic, default: []].append(text) }
        }
        return found
    }

    /// By all names under which they may have been written to.
    private func sender(of text: InboundText) -> [[UInt8]] {
        ([text.from] + (text.alias.map { [ChannelAddress($0)] } ?? [])).flatMap { providerIDs.hashes(provider, to: $0) }
    }
}
