import CommunicationAPI
import Contracts
import Core
import Outbound
import Outbox
import Postgres
import ProviderConfig
import ServiceHost

/// What is sent to try a provider: nothing of any patient.
enum TestMessage {
    static let subject = "Test message"
    static let text = "This is a test of your clinic's message settings. Nobody has to do anything."

    /// `nil` without an address for the channel.
    ///
    /// - Parameter windows: which of the clinic's WhatsApp numbers the recipient has written to lately.
    static func message(
        to recipient: TestRecipient,
        on channel: MessageChannel,
        windows: ConversationWindows
    ) -> OutgoingMessage? {
        let (id, now) = (MessageID(), Instant.now())
        switch channel {
        case .email:
            return recipient.email.map { to in
                .email(
                    EmailToSend(
                        id: id,
                        to: to,
                        replyTo: nil,
                        subject: subject,
                        text: text,
                        html: nil,
                        attachments: [],
                        date: now,
                        key: id.description
                    )
                )
            }
        case .sms, .whatsapp:
            return recipient.phone.map { to in
                .text(
                    TextToSend(
                        id: id,
                        to: .phone(to),
                        text: text,
                        approved: nil,
                        windows: windows,
                        expiresAt: nil,
                        category: .care,
                        statusURL: nil
                    )
                )
            }
        case .push:
            return recipient.pushToken.map { token in
                .push(
                    PushToSend(
                        id: id,
                        token: Secret(token),
                        title: subject,
                        text: text,
                        expiresAt: nil,
                        isUrgent: false
                    )
                )
            }
        }
    }
}
