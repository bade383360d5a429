import CommunicationAPI
import Core

/// What somebody has written to one of the clinic's numbers.
struct InboundText: Sendable, Equatable {
    /// The longest text that is kept, in characters; no channel carries more.
    static let longestText = 8_192
    /// Pictures and files of one text that are kept.
    static let mostMedia = 10

    /// A picture or file that came with it; the provider holds it.
    struct Media: Codable, Sendable, Equatable {
        var url: String
        /// As the provider names it, such as `image/jpeg`.
        var type: String?
    }

    /// What the provider itself has made of it: with some the numbers are not reachable any more before we know.
    enum OptOut: String, Sendable { case stop = "STOP", start = "START", help = "HELP" }

    var channel: MessageChannel
    /// The number that was written to.
    var to: String
    var from: PhoneNumber
    var text: String
    var media: [Media]
    var providerMessageID: String
    var optOut: OptOut?
    /// When it was written; `nil` where the provider does not say.
    var at: Instant?
}
