import CommunicationAPI
import Core

/// How a message's file goes by WhatsApp, which takes one with a message and shows the text below it.
enum WhatsAppMedia {
    /// As Meta names kinds of messages.
    enum Kind: String, Sendable, CaseIterable {
        case image, video, audio, document
    }

    /// The longest text below a file, in characters.
    static let longestCaption = 1_024
    /// The largest picture that is shown as one, in bytes; a larger one is a document.
    static let largestImage = 5 << 20
    /// The largest sound that is played as one, in bytes; a larger one is a document.
    static let largestSound = 16 << 20
    private static let images: Set<String> = ["image/jpeg", "image/png"]
    private static let sounds: Set<String> = ["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4"]
    /// Of containers named Ogg WhatsApp plays those with a voice in them.
    private static let ogg = "audio/ogg"
    private static let opusMark = Array("OpusHead".utf8)
    /// Where it stands in a file of one stream: behind the header of the first page.
    private static let opusPlace = 28

    static func kind(of attachment: Attachment) -> Kind {
        let file = attachment.file
        if images.contains(file.contentType), file.size <= largestImage { return .image }
        if isPlayed(attachment), file.size <= largestSound { return .audio }
        return file.contentType.hasPrefix("video/") ? .video : .document
    }

    /// What a file is called towards WhatsApp, which asks what is in a container.
    static func type(of attachment: Attachment) -> String {
        let type = attachment.file.contentType
        return type == ogg && isPlayed(attachment) ? "\(ogg); codecs=opus" : type
    }

    private static func isPlayed(_ attachment: Attachment) -> Bool {
        if attachment.file.contentType == ogg { return attachment.bytes.dropFirst(opusPlace).starts(with: opusMark) }
        return sounds.contains(attachment.file.contentType)
    }

    /// Why a message's files cannot go by WhatsApp; `nil` when they can, or there are none.
    static func fault(_ files: [AttachedFile], with content: RenderedContent?) -> String? {
        guard !files.isEmpty, let content else { return nil }
        if files.count > 1 { return "must be one file for WhatsApp" }
        if content.interactive?.type == .list { return "cannot go by WhatsApp with a list" }
        if content.interactive == nil, content.text.unicodeScalars.count > longestCaption {
            return "goes by WhatsApp with a text of at most \(longestCaption) characters"
        }
        return nil
    }
}
