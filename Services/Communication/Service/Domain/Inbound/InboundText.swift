import CommunicationAPI
import Core

/// What somebody has written to the clinic, on whatever channel.
struct InboundText: Sendable, Equatable {
    /// The longest text that is kept, in characters; no channel but e-mail carries more.
    static let longestText = 8_192
    /// The same in bytes: one character may be made of any number of marks.
    static let mostBytes = 64 * 1_024
    /// The longest name of a file, and of its kind, in characters.
    static let longestFilename = 200
    static let longestType = 100
    /// The longest address of one, in bytes.
    static let longestURL = 2_048
    /// Pictures and files that one text may bring.
    static let mostMedia = 10

    /// A picture or file that came with it.
    struct Media: Codable, Sendable, Equatable {
        /// Where the provider holds it, or what it calls it.
        var url: String?
        var id: String?
        /// As the provider names it, such as `image/jpeg`.
        var type: String?
        var filename: String?
        /// In bytes, where it is known.
        var size: Int?

        init(
            url: String? = nil,
            id: String? = nil,
            type: String?,
            filename: String? = nil,
            size: Int? = nil
        ) {
            self.url = url
            self.id = id
            self.type = type.map { InboundText.clipped(name: $0, to: InboundText.longestType) }
            self.filename = filename.flatMap { InboundFileRules.name($0) }
                .map { InboundText.clipped(name: $0, to: InboundText.longestFilename) }
            self.size = size
        }
    }

    /// Files that the provider holds for us, by their places.
    var fetchable: [Int] { media.indices.filter { media[$0].url != nil || media[$0].id != nil } }

    /// What the provider itself has made of it: with some the numbers are not reachable any more before we know.
    enum OptOut: String, Sendable { case stop = "STOP", start = "START", help = "HELP" }

    var channel: MessageChannel
    /// The number or address that was written to.
    var to: String
    var from: ChannelAddress
    var text: String
    /// What the button or row was made with that was pressed; on it stands the text.
    var payload: String?
    var media: [Media]
    /// What is in those that came with it, by their places.
    var contents: [Int: [UInt8]] = [:]
    /// Why none of them is kept, in a word of ours.
    var withheld: String?
    /// How many further files there were.
    var leftOut = 0
    var providerMessageID: String
    var optOut: OptOut?
    /// The provider tells the sender itself that messages end, or come again, without making anything of it for us.
    var isConfirmed = false
    /// Whether it came to the number of the entry that it was read for: one account may have several.
    var isToOwnNumber = true
    /// What WhatsApp calls the sender beside the number, if both are told.
    var alias: WhatsAppUserID?
    /// When it was written; `nil` where the provider does not say.
    var at: Instant?
    /// Of an e-mail.
    var subject: String?
    /// No person wrote it: it asks for nothing and is not answered.
    var isAutomatic = false
    /// What the provider calls the messages that it answers, the nearest first; of an e-mail, whose sender proves nothing, all
    /// that is believed.
    var answers: [String] = []

    init(
        channel: MessageChannel,
        to: String,
        from: ChannelAddress,
        text: String,
        media: [Media],
        providerMessageID: String,
        optOut: OptOut? = nil,
        at: Instant? = nil
    ) {
        self.channel = channel
        self.to = to
        self.from = from
        self.text = text
        self.media = media
        self.providerMessageID = providerMessageID
        self.optOut = optOut
        self.at = at
    }

    /// From somebody's telephone.
    init(
        channel: MessageChannel,
        to: String,
        from: PhoneNumber,
        text: String,
        media: [Media],
        providerMessageID: String,
        optOut: OptOut? = nil,
        at: Instant? = nil
    ) {
        self.init(
            channel: channel,
            to: to,
            from: ChannelAddress(from, on: channel),
            text: text,
            media: media,
            providerMessageID: providerMessageID,
            optOut: optOut,
            at: at
        )
    }

    /// The sender's number; `nil` of an e-mail, and of who hides theirs.
    var phone: PhoneNumber? { channel == .email ? nil : PhoneNumber(from.text) }

    /// Whether it is one of some words and nothing else, in whatever case; how providers find words that they answer themselves.
    ///
    /// - Parameter words: in upper case.
    func isOne(of words: Set<String>) -> Bool {
        let said = text.split(whereSeparator: \.isWhitespace)
        return said.count == 1 && words.contains(said[0].uppercased())
    }

    /// As much of a text as is kept.
    static func clipped(_ text: String) -> String { clipped(text, to: longestText, bytes: mostBytes) }

    /// As much of a name as is kept.
    static func clipped(name: String, to most: Int) -> String { clipped(name, to: most, bytes: 4 * most) }

    private static func clipped(_ text: String, to characters: Int, bytes: Int) -> String {
        // No program shows U+0000, and some end there.
        let text = String(text.prefix(characters)).replacing("\0", with: "")
        guard text.utf8.count > bytes else { return text }
        var kept = String.UnicodeScalarView()
        var left = bytes
        for scalar in text.unicodeScalars {
            left -= UTF8.width(scalar)
            if left < 0 { break }
            kept.append(scalar)
        }
        return String(kept)
    }
}
