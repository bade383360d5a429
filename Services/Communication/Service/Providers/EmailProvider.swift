import CommunicationAPI
import Core

/// One e-mail as a provider is asked to send it.
struct EmailToSend: Sendable {
    /// Ours; where a provider takes a reference, it is this.
    let id: MessageID
    let to: EmailAddress
    let replyTo: EmailAddress?
    let subject: String
    let text: String
    let html: String?
    /// When the message was accepted: the date it carries.
    let date: Instant
}

/// A way to send e-mail.
protocol EmailProvider: MessageProvider {
    /// Hands one e-mail over.
    func send(_ email: EmailToSend, deadline: Deadline) async -> ProviderVerdict
}

extension EmailProvider {
    static var channel: MessageChannel { .email }

    func send(_ message: OutgoingMessage, deadline: Deadline) async -> ProviderVerdict {
        guard case .email(let email) = message else { return .otherChannel }
        return await send(email, deadline: deadline)
    }
}
