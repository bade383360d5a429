import CommunicationAPI
import Contracts
import Core
import ProviderConfig

/// A webhook as it came: nothing of it is believed before its signature is.
struct WebhookCall: Sendable {
    /// Reports that one may hold.
    static let mostReports = 10_000

    let body: [UInt8]
    /// Those that signatures stand in, by lower-case names.
    let headers: [String: String]
    /// Where it came to, as the provider was told; `nil` where the installation has no public address.
    let url: String?
    /// What the address said that it is about.
    let message: MessageID?

    init(body: [UInt8], headers: [String: String], url: String? = nil, message: MessageID? = nil) {
        self.body = body
        self.url = url
        self.message = message
        self.headers = Dictionary(headers.map { ($0.key.lowercased(), $0.value) }) { first, _ in first }
    }
}

/// Reads the webhooks of one provider.
protocol WebhookReader: Sendable {
    /// What a webhook tells; `nil` unless it is signed for the account of this entry.
    ///
    /// Throws 400 for what is signed and makes no sense, 503 while nobody can say who signed it.
    func reports(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> [DeliveryReport]?
    /// What somebody wrote to the entry's account, of a webhook that is signed for it.
    func texts(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) throws -> [InboundText]
    /// Whether what somebody wrote, of a webhook that is signed for the entry's account, came to the entry's own number: one
    /// account may have several.
    func isToOwnNumber(_ call: WebhookCall, of entry: ProviderEntry) -> Bool
    /// What of it the clinic's people should know, of a webhook that is signed for the entry's account.
    func alerts(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) throws -> [ProviderAlert]
    /// The e-mails that a webhook brings which is signed for the entry's account.
    ///
    /// Throws 503 while the provider that has them does not hand them out.
    func mails(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> [InboundMail]
    /// Who goes by another number or id from now on, of a webhook that is signed for the entry's account.
    func changes(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) throws -> [WhatsAppIdentityChange]
    /// What people have told the provider itself of a category of messages, of a webhook that is signed for the entry's account.
    func optOuts(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) throws -> [CategoryOptOut]
    /// Whether the headers of a webhook, whose body is not there yet, can be those of one that is signed for the entry's account.
    func mayBeSigned(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) -> Bool
    /// Whether the provider asks, before it sends webhooks, whether the address is the clinic's.
    var asksBefore: Bool { get }
    /// Bytes that a webhook of the provider's may have.
    var longestBody: Int { get }
    /// The status that the provider is answered with; an answer without a body for those that would read it.
    var acknowledgement: Int { get }
}

extension WebhookReader {
    var acknowledgement: Int { 200 }
    var asksBefore: Bool { false }
    var longestBody: Int { WebhookPayload.longestBody }
    func mayBeSigned(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) -> Bool { true }
    func changes(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) throws -> [WhatsAppIdentityChange] {
        []
    }
    func optOuts(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) throws -> [CategoryOptOut] { [] }
    func mails(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> [InboundMail] { [] }
    func texts(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) throws -> [InboundText] { [] }
    func isToOwnNumber(_ call: WebhookCall, of entry: ProviderEntry) -> Bool { true }
    func alerts(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) throws -> [ProviderAlert] { [] }
}

/// Something that a provider tells of an account and somebody should know of.
struct ProviderAlert: Sendable, Equatable {
    var kind: AlertKind
    /// What it is about, without names or addresses.
    var subject: String
}

extension JSONValue {
    /// The members of a list; one value that stands where a list is expected is one of its own.
    var list: [JSONValue] {
        switch self {
        case .array(let items): items
        case .null: []
        default: [self]
        }
    }

    /// A webhook's JSON; throws 400 for what is none.
    static func webhook(_ body: [UInt8]) throws(Problem) -> JSONValue {
        do { return try JSONTape(body).decode(JSONValue.self) } catch { throw .malformed("The webhook is not JSON.") }
    }
}

extension ProviderVerdict {
    /// A provider's id as it may be kept and compared; `nil` for what is none.
    static func id(_ value: JSONValue?) -> String? { token(value?.string) }
}
