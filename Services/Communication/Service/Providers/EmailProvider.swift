import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// One e-mail as a provider is asked to send it.
struct EmailToSend: Sendable {
    /// Ours; where a provider takes a reference, it is this.
    let id: MessageID
    var to: EmailAddress
    var replyTo: EmailAddress?
    let subject: String
    let text: String
    let html: String?
    /// Pictures that the HTML part shows have a content id.
    let attachments: [Attachment]
    /// When the message was accepted: the date it carries.
    let date: Instant
    /// By it a provider knows a message again that is handed over twice; another one once somebody has sent it again.
    let key: String
    /// For whom it is sent, where clinics have their turns; `nil` for a test.
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

extension EmailToSend {
    /// With its addresses as they are handed over; `nil` where no mail can travel to the recipient's domain.
    var mailed: EmailToSend? {
        guard let to = to.mailed else { return nil }
        var email = self
        email.to = to
        // One to which no answer could travel is of no use in the header.
        email.replyTo = replyTo?.mailed
        return email
    }

    /// Whether an address of it, handed over, has letters that only those who know SMTPUTF8 (RFC 6531) carry.
    func needsSMTPUTF8(from sender: EmailAddress) -> Bool {
        [sender, to, replyTo].contains { $0.map { !DomainName.isASCII($0.address) } ?? false }
    }
}

extension Credentials {
    /// The address that e-mails come from, as it is handed over.
    var sender: EmailAddress? { text("fromEmail").flatMap { EmailAddress($0)?.mailed } }
}

extension ProviderVerdict {
    /// An address that is not worth a call.
    fileprivate static let noDomain = ProviderVerdict(
        .badRecipient,
        host: .untried,
        code: "domain",
        detail: "No mail can travel to the domain of the address."
    )

    /// An address with letters that the provider does not carry; the next one may, and nothing is wrong with the address.
    static func asciiOnly(host: Host) -> ProviderVerdict {
        ProviderVerdict(.senderNotAuthorised, host: host, code: "SMTPUTF8", detail: asciiOnlyDetail)
    }

    /// The same of a provider that does not know a name in quotes for one: nothing is wrong with the address, and the next one may.
    fileprivate var ofQuotes: ProviderVerdict {
        ProviderVerdict(.senderNotAuthorised, host: host, code: code, detail: Self.quotesDetail)
    }

    /// Whether it is about how the recipient's address is written: nothing is wrong with the sender.
    var isAboutLetters: Bool { [Self.asciiOnlyDetail, Self.quotesDetail].contains(detail) }

    static let quotesDetail = "The provider takes no address with a name in quotes before the @."
    static let asciiOnlyDetail = "The provider takes no address with other letters than ASCII's before the @."
}

/// A way to send e-mail.
protocol EmailProvider: MessageProvider {
    /// Hands one e-mail over, whose addresses have their domains in ASCII.
    func send(_ email: EmailToSend, deadline: Deadline) async -> ProviderVerdict
}

extension EmailProvider {
    static var channel: MessageChannel { .email }

    func send(_ message: OutgoingMessage, deadline: Deadline) async -> ProviderVerdict {
        guard case .email(let email) = message else { return .otherChannel }
        guard let email = email.mailed else { return .noDomain }
        let verdict = await send(email, deadline: deadline)
        return email.to.isQuoted && verdict.isAboutSpelling ? verdict.ofQuotes : verdict
    }
}
