import CommunicationAPI
import Contracts
import Core
import ProviderConfig

extension PreparedMessage {
    /// The file that goes by WhatsApp.
    private func file(with words: RenderedContent) -> Attachment? {
        WhatsAppMedia.fault(attachments.map(\.file), with: words) == nil ? attachments.first : nil
    }

    /// The message in the form of an entry's channel; `nil` without an address there.
    func outgoing(
        through entry: ProviderEntry,
        settings: [String: JSONValue],
        parts: SendingParts,
        _ clinic: ClinicID
    ) -> OutgoingMessage? {
        guard let channel = MessageChannel(rawValue: entry.channel) else { return nil }
        let (id, sealed) = (message.id, content)
        let words = sealed.content(for: channel)
        switch channel {
        case .email:
            return sealed.email.map { to in
                .email(
                    EmailToSend(
                        id: id,
                        to: to,
                        replyTo: sealed.replyTo,
                        subject: words.subject ?? "",
                        text: words.text,
                        html: words.html,
                        attachments: attachments,
                        date: message.createdAt,
                        key: message.retries == 0 ? "\(id)" : "\(id)/\(message.retries)",
                        clinic: clinic,
                        unsubscribeLink: sealed.unsubscribeLink,
                        furtherHeaders: sealed.headers ?? [:]
                    )
                )
            }
        case .sms, .whatsapp:
            let rules = CountryRules(settings: settings)
            let phone = sealed.phone.map { TextRecipient.phone($0) }
            let user = channel == .whatsapp ? sealed.whatsAppUser.map { TextRecipient.whatsAppUser($0) } : nil
            return (phone ?? user).map { to in
                .text(
                    TextToSend(
                        id: id,
                        to: to,
                        text: words.text,
                        approved: parts.providers.approved(words, by: entry),
                        windows: windows,
                        dlt: channel == .sms
                            ? sealed.phone.flatMap { rules.identity(of: words.text, as: words.dltTemplate, to: $0) }
                            : nil,
                        expiresAt: message.expiresAt,
                        category: message.category,
                        statusURL: parts.webhooks.url(of: entry, clinic),
                        interactive: channel == .whatsapp ? words.interactive : nil,
                        file: channel == .whatsapp ? file(with: words) : nil,
                        fileURL: fileURL
                    )
                )
            }
        case .push:
            return sealed.pushToken.map { token in
                .push(
                    PushToSend(
                        id: id,
                        token: Secret(token),
                        title: words.subject,
                        text: words.text,
                        expiresAt: message.expiresAt,
                        isUrgent: message.priority == .critical,
                        isFresh: devices.first?.isFresh ?? false
                    )
                )
            }
        }
    }
}
