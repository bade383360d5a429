import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// Finds out for whom an e-mail is that came to the installation's own address (`SharedAccount`).
struct SharedMail: Sendable {
    let providerIDs: ProviderIDHash
    /// All providers of the installation's: what one sends may be answered to another.
    let entries: [ProviderEntry]

    /// E-mails by the clinic that they are for, and those that are nobody's.
    func sorted(
        _ mails: [InboundMail],
        _ database: Database
    ) async throws -> (known: [ClinicID: [InboundMail]], unknown: [InboundMail]) {
        try await SharedAccount(database: database).sorted(mails) { mail in
            SharedAccount.Names(messages: answers(of: mail), person: sender(of: mail))
        }
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
        return providers.flatMap { providerIDs.hashes($0, to: address) }
    }
}
