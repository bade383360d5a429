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
    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent?
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
