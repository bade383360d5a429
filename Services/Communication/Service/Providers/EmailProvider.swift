import CommunicationAPI
import Contracts
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
    /// Pictures that the HTML part shows have a content id.
    let attachments: [Attachment]
    /// When the message was accepted: the date it carries.
    let date: Instant
    /// By it a provider knows a message again that is handed over twice; another one once somebody has sent it again.
    let key: String
    /// The link by which the recipient ends messages like this one.
    var unsubscribeLink: String?

    /// For mail programs that unsubscribe without showing a page (RFC 8058).
    var unsubscribeHeaders: [(name: String, value: String)] {
        guard let unsubscribeLink else { return [] }
        return [
            (name: "List-Unsubscribe", value: "<\(unsubscribeLink)>"),
            (name: "List-Unsubscribe-Post", value: "List-Unsubscribe=One-Click"),
        ]
    }

    /// What stands in its header beside what every mail has.
    var headers: [(name: String, value: String)] {
        [(name: "Auto-Submitted", value: "auto-generated")] + unsubscribeHeaders
    }

    /// The same as most providers take it.
    var headerMap: JSONValue {
        .object(Dictionary(uniqueKeysWithValues: headers.map { ($0.name, .string($0.value)) }))
    }
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
