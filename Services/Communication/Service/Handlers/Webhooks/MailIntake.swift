import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// Takes in the e-mails that came to a clinic: reports move the messages they are about, all else joins its conversation.
struct MailIntake: Sendable {
    let deliveries: DeliveryIntake
    let inbound: InboundIntake
    let providers: MessageProviders

    /// What mail servers say of messages.
    ///
    /// Our mail servers' names for messages stand in them: whoever writes a report must have seen one.
    static func reports(_ mails: [InboundMail]) -> [DeliveryReport] { mails.compactMap(\.report).flatMap(\.reports) }

    /// Does so in one transaction.
    ///
    /// - Parameters:
    ///   - entry: by which they came.
    ///   - entries: all that the clinic has.
    func take(
        _ mails: [InboundMail],
        through entry: ProviderEntry,
        of entries: [ProviderEntry],
        webhook: RequestID,
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        // The clinic's own: nothing of it is the operators'.
        _ = try deliveries.take(
            Self.reports(mails),
            of: entries.filter(providers.bouncesByMail),
            webhook: webhook,
            clinic: clinic,
            at: now,
            in: tx
        )
        let texts = Self.texts(mails, own: Self.senders(entries))
        if !texts.isEmpty { try inbound.take(texts, through: entry, clinic: clinic, at: now, in: tx) }
    }

    /// What somebody has written; what the clinic itself sends answers nobody.
    static func texts(_ mails: [InboundMail], own: Set<String>) -> [InboundText] {
        mails.filter { $0.report == nil }.compactMap { mail in
            var text = mail.inbound()
            if let from = mail.from, own.contains(from.address.sought) { text?.isAutomatic = true }
            return text
        }
    }

    /// The addresses that entries send from.
    static func senders(_ entries: [ProviderEntry]) -> Set<String> {
        Set(entries.compactMap { $0.credentials.text("fromEmail").flatMap { EmailAddress($0) }?.sought })
    }
}
