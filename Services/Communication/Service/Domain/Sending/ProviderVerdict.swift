import CommunicationAPI
import Core

/// What a provider made of one message, or did not.
struct ProviderVerdict: Sendable, Equatable {
    /// What a call says about the host it went to.
    enum Host: Sendable, Equatable {
        /// It answered, whatever it said.
        case answered
        /// No connection, no trust, or no answer.
        case unreachable
        /// It was not asked.
        case untried
    }

    var outcome: AttemptOutcome
    var host: Host
    /// The provider's own id for an accepted message.
    var messageID: String?
    /// The provider's code for what went wrong; a token, never free text.
    var code: String?
    /// Our sentence about it, without names, addresses or a provider's words.
    var detail: String?
    /// How long the provider asked to be left alone.
    var retryAfter: Duration?
    /// The provider would know the message again by its key: with an unknown outcome it may be asked a second time.
    var isRepeatable = false
    /// A refusal for now that concerns this recipient or message alone: the provider is there for everybody else.
    var isAboutRecipient = false
    /// The call failed in this process, for want of room or because it was given up: nothing is said of the provider.
    var isOurOwn = false
    /// The recipient's address is refused for how it is written; nobody was asked whether anybody is there.
    var isAboutSpelling = false
    /// The recipient's address takes no messages for what passes, such as a mailbox that is full.
    var isTemporary = false
    /// The recipient has ended messages of this one's category only.
    var isAboutCategory = false

    init(
        _ outcome: AttemptOutcome,
        host: Host = .answered,
        messageID: String? = nil,
        code: String? = nil,
        detail: String? = nil,
        retryAfter: Duration? = nil
    ) {
        self.outcome = outcome
        self.host = host
        self.messageID = messageID
        self.code = code
        self.detail = detail
        self.retryAfter = retryAfter
    }
}

extension ProviderVerdict {
    /// The longest code or id of a provider that is kept.
    static let longestToken = 120

    /// A provider's token as it may be stored and shown; `nil` for what is none.
    static func token(_ text: String?) -> String? {
        guard let text, (1...longestToken).contains(text.utf8.count) else { return nil }
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "@") }
        return isPlain ? text : nil
    }
}
