import Core
import Outbound
import ProviderConfig

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

/// A way to send e-mail, with one clinic's credentials.
///
/// Neither function throws: whatever happens is a verdict, and the caller's deadline holds.
protocol EmailProvider: Sendable {
    /// As configurations call it.
    static var name: String { get }
    /// Messages per second through one entry where the clinic sets no rate.
    static var usualRate: Double { get }
    /// How long a message that is handed over again is known by its key and not sent twice; `nil` if it would be.
    static var repeatTime: Duration? { get }
    /// What is wrong with credentials beyond their shape: where they would have us connect to.
    static func fault(_ credentials: Credentials, policy: OutboundPolicy) -> (key: String, detail: String)?
    /// The host and port that credentials have us connect to.
    static func endpoint(_ credentials: Credentials) -> String?

    /// `nil` for credentials that an older version stored otherwise.
    init?(_ credentials: Credentials, through transports: EmailProviders)
    /// Hands one message over.
    func send(_ email: EmailToSend, deadline: Deadline) async -> ProviderVerdict
    /// Asks, without sending anything, whether the provider is there and lets us in; `accepted` means both.
    func check(deadline: Deadline) async -> ProviderVerdict
}

extension EmailProvider {
    static var repeatTime: Duration? { nil }
}
