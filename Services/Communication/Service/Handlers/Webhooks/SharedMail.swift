import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// Finds out for whom an e-mail is that came to the installation's own address, which writes for many clinics.
///
/// It is the clinic's whose message it names; without one, the only clinic's that has written to its sender lately. Where
/// several have, nobody is told what may be another's.
struct SharedMail: Sendable {
    let providerIDs: ProviderIDHash
    /// All providers of the installation's: what one sends may be answered to another.
    let entries: [ProviderEntry]

    /// E-mails by the clinic that they are for, and those that are nobody's.
    func sorted(
        _ mails: [InboundMail],
        _ database: Database
    ) async throws -> (known: [ClinicID: [InboundMail]], unknown: [InboundMail]) {
        guard !mails.isEmpty else { return ([:], []) }
        let named = mails.map { (mail: $0, answers: answers(of: $0), sender: sender(of: $0)) }
        let (owners, writers) = try await database.through(.lookup) { [named] tx in
            (
                try MessageClinicStore.clinics(Array(Set(named.flatMap(\.answers))), in: tx),
                try RecipientClinicStore.all(Array(Set(named.flatMap(\.sender))), in: tx)
            )
        }
        var found: (known: [ClinicID: [InboundMail]], unknown: [InboundMail]) = ([:], [])
        for (mail, answers, sender) in named {
            let wrote = sender.reduce(into: Set<ClinicID>()) { $0.formUnion(writers[$1] ?? []) }
            if let clinic = answers.lazy.compactMap({ owners[$0] }).first ?? (wrote.count == 1 ? wrote.first : nil) {
                found.known[clinic, default: []].append(mail)
            } else {
                found.unknown.append(mail)
            }
        }
        return found
    }

    private var providers: [String] {
        Array(Set(entries.filter { $0.channel == MessageChannel.email.rawValue }.map(\.provider)))
    }

    /// What the messages that it answers are called, the nearest first.
    private func answers(of mail: InboundMail) -> [[UInt8]] {
        mail.answers.compactMap { MailNames.local($0) }.flatMap { name in providers.map { providerIDs.hash($0, name) } }
    }

    private func sender(of mail: InboundMail) -> [[UInt8]] {
        guard let from = mail.from, let address = ChannelAddress(.email, from.address.address) else { return [] }
        return providers.map { providerIDs.hash($0, to: address) }
    }
}
