import CommunicationAPI
import Contracts
import Core
import Outbound

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
    /// For whom it is sent, where clinics have their turns; `nil` for a trial.
    var clinic: ClinicID?
    /// The link by which the recipient ends messages like this one.
    var unsubscribeLink: String?
    /// Further headers that its sender wants, by name; free text.
    var furtherHeaders: [String: String] = [:]

    /// For mail programs that unsubscribe without showing a page (RFC 8058).
    var unsubscribeHeaders: [(name: String, value: String)] {
        guard let unsubscribeLink else { return [] }
        return [
            (name: "List-Unsubscribe", value: "<\(unsubscribeLink)>"),
            (name: "List-Unsubscribe-Post", value: "List-Unsubscribe=One-Click"),
        ]
    }

    /// Those that its sender wants, in the order of their names.
    var furtherTexts: [(name: String, value: String)] {
        furtherHeaders.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }

    /// What stands in its header beside what every mail has, each on one line of ASCII.
    func headers() throws(MIMEError) -> [(name: String, value: String)] {
        var headers = [(name: "Auto-Submitted", value: "auto-generated")] + unsubscribeHeaders
        for (name, text) in furtherTexts { headers.append((name, try MIMEMessage.line(of: text, name))) }
        return headers
    }

    /// The same as most providers take it.
    func headerMap() throws(MIMEError) -> JSONValue {
        .object(Dictionary(try headers().map { ($0.name, .string($0.value)) }) { first, _ in first })
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
