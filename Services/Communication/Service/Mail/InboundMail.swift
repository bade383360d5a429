import CommunicationAPI
import Core
import Crypto

/// An e-mail that came to the clinic, as far as it is of use.
struct InboundMail: Sendable, Equatable {
    /// The same each time the same e-mail is brought.
    var id: String
    var from: MailAddress?
    /// Whom it was sent to, as it says itself.
    var to: String
    var subject: String
    var text: String
    /// Their names, kinds and sizes.
    var files: [InboundText.Media]
    /// What is in them, by their places; nothing of those that the provider keeps.
    var contents: [Int: [UInt8]] = [:]
    /// Why none of them is kept, in a word of ours.
    var withheld: String?
    /// How many further files there were.
    var leftOut = 0
    /// What messages it answers are called, the nearest first.
    var answers: [String]
    /// No person wrote it: absence notes, mailing lists, reports.
    var isAutomatic: Bool
    /// What it tells of a message of ours.
    var report: MailReport?

    /// As a message of a conversation; `nil` of nobody who could be answered.
    func inbound() -> InboundText? {
        guard let from, let sender = ChannelAddress(.email, from.address.address) else { return nil }
        var text = InboundText(
            channel: .email,
            to: to,
            from: sender,
            text: text,
            media: files,
            providerMessageID: id
        )
        text.contents = contents
        text.withheld = withheld
        text.leftOut = leftOut
        text.subject = subject
        text.isAutomatic = isAutomatic
        text.answers = answers
        return text
    }
}

extension InboundMail {
    /// The largest e-mail that is asked for, in bytes as it travelled; larger ones are known by what is said of them.
    static let largest = DeliveryEndpoints.longestMail
    /// Parts inside parts are read so deep.
    static let deepest = 8
    /// Parts of one e-mail that are read.
    static let mostParts = 500
    /// Files of one e-mail that are named; of further ones it is said how many there were.
    static let mostFiles = InboundMessage.mostFiles
    /// Bytes of one part that are read as text, and after which no further part is.
    static let longestPart = 256 * 1_024
    /// The longest subject that is kept, in characters.
    static let longestSubject = 500

    /// Reads an e-mail as it travelled.
    ///
    /// - Parameter envelopeSender: whom it was given back to if it could not be delivered; empty for nobody, `nil` where the
    ///   provider does not say.
    init(_ bytes: [UInt8], envelopeSender: String? = nil) {
        let whole = MailEntity(bytes[...])
        var parts = MailParts()
        parts.collect(whole, depth: 0)
        let report = MailReport(whole)
        self.init(
            whole,
            text: parts.text,
            files: parts.files,
            report: report,
            envelopeSender: envelopeSender,
            digest: Self.digest(bytes)
        )
        contents = parts.contents
        leftOut = parts.leftOut
    }

    /// What an e-mail without a name of its own is known by.
    static func digest(_ bytes: [UInt8]) -> String { Array(SHA256.hash(data: bytes)).hex }

    /// Puts together what was read of an e-mail.
    init(
        _ header: MailEntity,
        text: String,
        files: [InboundText.Media],
        report: MailReport?,
        envelopeSender: String?,
        digest: String
    ) {
        let names = header["message-id"].map { MailNames.read($0) } ?? []
        let sender = header["from"] ?? header["sender"] ?? ""
        // Its own name is the same for every way that it comes by; whoever has none is known by all that it says.
        id = names.first.map { "m:" + Self.digest(Array("\($0)\n\(sender)".utf8)) } ?? "d:\(digest)"
        from = MailAddress.first(of: sender)
        to = InboundText.clipped(name: header["to"] ?? "", to: Self.longestSubject)
        subject = InboundText.clipped(name: header.text("subject") ?? "", to: Self.longestSubject)
        self.text = InboundText.clipped(text)
        self.files = files
        let nearest = header["in-reply-to"].map { MailNames.read($0) } ?? []
        answers = nearest + (header["references"].map { MailNames.read($0) } ?? []).reversed()
        isAutomatic = report != nil || Self.isAutomatic(header, envelopeSender: envelopeSender)
        self.report = report
    }

    /// Whether nobody wrote it (RFC 3834, and what programs do that do not know it).
    static func isAutomatic(_ header: MailEntity, envelopeSender: String?) -> Bool {
        if let word = header["auto-submitted"]?.prefix(while: { $0 != ";" }).trimmingBlanks.lowercased(), word != "no" {
            return true
        }
        let bulk: Set<String> = ["bulk", "junk", "list", "auto_reply"]
        if let word = header["precedence"]?[...].trimmingBlanks.lowercased(), bulk.contains(word) { return true }
        let marks = ["x-auto-response-suppress", "x-autoreply", "x-autorespond", "list-id", "list-unsubscribe"]
        if marks.contains(where: { header[$0] != nil }) { return true }
        // Nobody wants to hear what became of it: mail servers send so.
        let path = envelopeSender ?? header["return-path"]
        return path.map { ["", "<>"].contains($0[...].trimmingBlanks) } ?? false
    }
}

/// The text and the files among the parts of an e-mail.
struct MailParts {
    private var plain: String?
    private var html: String?
    private(set) var files: [InboundText.Media] = []
    /// What is in them, by their places.
    private(set) var contents: [Int: [UInt8]] = [:]
    /// How many further files there were; parts that are not read are taken for files.
    private(set) var leftOut = 0
    private var count = 0

    /// What somebody wrote; of an e-mail that is a page alone, what the page says.
    var text: String { plain ?? html.map { HTMLText.plain($0) } ?? "" }

    mutating func collect(_ part: MailEntity, depth: Int) {
        count += 1
        guard count <= InboundMail.mostParts else {
            leftOut += 1
            return
        }
        let type = part.type
        let (inner, further) =
            depth < InboundMail.deepest ? part.countedParts(most: InboundMail.mostParts) : ([], 0)
        leftOut += further
        if !inner.isEmpty {
            for piece in inner { collect(piece, depth: depth + 1) }
            return
        }
        let isFile = part.disposition?.value == "attachment" || part.filename != nil
        if !isFile, type.value == "text/html" {
            Self.write(part, type, to: &html)
        } else if !isFile, type.value == "text/plain" || type.value.hasPrefix("multipart/") {
            Self.write(part, type, to: &plain)
        } else if type.value != "message/delivery-status", type.value != "text/rfc822-headers" {
            note(part, type)
        }
    }

    /// Some programs write on in a new part behind a picture.
    private static func write(_ part: MailEntity, _ type: MailParameters, to text: inout String?) {
        guard let before = text else {
            text = Self.text(of: part, type)
            return
        }
        guard before.utf8.count < InboundMail.longestPart else { return }
        text = "\(before)\n\(Self.text(of: part, type))"
    }

    private mutating func note(_ part: MailEntity, _ type: MailParameters) {
        guard files.count < InboundMail.mostFiles else {
            leftOut += 1
            return
        }
        let bytes = part.content
        contents[files.count] = bytes
        files.append(InboundText.Media(type: type.value, filename: part.filename, size: bytes.count))
    }

    private static func text(of part: MailEntity, _ type: MailParameters) -> String {
        MailCharset.decode(part.content.prefix(InboundMail.longestPart), type["charset"]).replacing("\r\n", with: "\n")
            .replacing("\r", with: "\n")
    }
}
