import CommunicationAPI
import Core
import Outbound
import ProviderConfig

/// One message as a provider is asked to send it, in the form of its channel.
enum OutgoingMessage: Sendable {
    case email(EmailToSend)
    /// By SMS or WhatsApp.
    case text(TextToSend)
    case push(PushToSend)
}

/// A way to send messages of one channel, with one clinic's credentials.
///
/// Neither function throws: whatever happens is a verdict, and the caller's deadline holds.
protocol MessageProvider: Sendable {
    static var channel: MessageChannel { get }
    /// As configurations call it; the same name may stand for another provider in another channel.
    static var name: String { get }
    /// The credentials that it takes, and which of them are secret.
    static var keys: [CredentialShape.Key] { get }
    /// Further credentials: groups of which exactly one is given.
    static var oneOf: [[String]] { get }
    /// All of its credentials together.
    static var shape: CredentialShape { get }
    /// Messages per second through one entry where the clinic sets no rate.
    static var usualRate: Double { get }
    /// How long a message that is handed over again is known by its key and not sent twice; `nil` if it would be.
    static var repeatTime: Duration? { get }
    /// The largest message that it takes, as it is sent, in bytes; `nil` where it names no limit that one of ours could pass.
    static var mostBytes: Int? { get }
    /// Whether it reaches people by what WhatsApp calls them, without a number.
    static var takesUserIDs: Bool { get }
    /// Under which names its keys for signing mail stand in a sender's domain; empty where each customer has others.
    static var dkimSelectors: [String] { get }
    /// Where e-mails come back to that do not arrive; `nil` where that is the sender's own domain.
    static var returnPath: ReturnPath? { get }
    /// Codes of `content_rejected` that are about its account, so that another one may take the message: a template that the
    /// account lacks, a conversation that is not open with its number.
    static var accountRefusals: Set<String> { get }
    /// How names of headers begin, in lower case, that it takes for orders to itself.
    static var claimedHeaders: [String] { get }
    /// Whether it can tell later what became of a message, set up as it is.
    static func givesReceipts(_ credentials: Credentials) -> Bool
    /// Whether its webhooks come to an address of ours, set up as it is.
    static func hasWebhook(_ credentials: Credentials) -> Bool
    /// The credential that its people are to be told with the address of its webhooks, so that it asks with it; `nil` where all
    /// that is secret stays so.
    static var handshakeKey: String? { get }
    /// Whether people can write back to what messages come from, and it tells us what they write.
    static func hears(_ credentials: Credentials) -> Bool
    /// Whether what does not arrive comes back by e-mail, so that nothing else tells of it.
    static var bouncesByMail: Bool { get }
    /// What WhatsApp has approved to be said instead of a text, by the name under which this provider knows it.
    static func approved(_ words: RenderedContent) -> ApprovedTemplate?
    /// Who reads its webhooks; `nil` where it sends none. Providers of one name share it.
    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)?
    /// Who hands out the files that came with messages; `nil` where none come. Providers of one name share it.
    static func mediaKeeper(through transports: ProviderTransports) -> (any MediaKeeper)?
    /// All that is wrong with credentials beyond their shape, where they would have us connect to included.
    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault]
    /// The host and port that credentials have us connect to.
    static func endpoint(_ credentials: Credentials) -> String?

    /// `nil` for credentials that an older version stored otherwise.
    init?(_ credentials: Credentials, through transports: ProviderTransports)
    /// Hands one message over.
    func send(_ message: OutgoingMessage, deadline: Deadline) async -> ProviderVerdict
    /// Asks, without sending anything, whether the provider is there and lets us in; `accepted` means both.
    func check(deadline: Deadline) async -> ProviderVerdict
}

extension MessageProvider {
    static var oneOf: [[String]] { [] }
    static var shape: CredentialShape { CredentialShape(name, keys, oneOf: oneOf) }
    static var repeatTime: Duration? { nil }
    static var mostBytes: Int? { nil }
    static var takesUserIDs: Bool { false }
    static var dkimSelectors: [String] { [] }
    static var returnPath: ReturnPath? { nil }
    static var accountRefusals: Set<String> { [] }
    static var claimedHeaders: [String] { [] }
    static func givesReceipts(_ credentials: Credentials) -> Bool { false }
    static func hasWebhook(_ credentials: Credentials) -> Bool { true }
    static var handshakeKey: String? { nil }
    static func hears(_ credentials: Credentials) -> Bool { false }
    static var bouncesByMail: Bool { false }
    static func approved(_ words: RenderedContent) -> ApprovedTemplate? { words.approved }
    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? { nil }
    static func mediaKeeper(through transports: ProviderTransports) -> (any MediaKeeper)? { nil }
}

extension ProviderVerdict {
    /// A message of another channel, which no chain leads here.
    static let otherChannel = ProviderVerdict(
        .contentRejected,
        host: .untried,
        code: "channel",
        detail: "The message is for another channel."
    )
}
