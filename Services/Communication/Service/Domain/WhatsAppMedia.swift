import CommunicationAPI
import Core

/// How a message's file goes by WhatsApp, which takes one with a message and shows the text below it.
enum WhatsAppMedia {
    /// As Meta names kinds of messages.
    enum Kind: String, Sendable, CaseIterable {
        case image, video, document
    }

    /// The longest text below a file, in characters.
    static let longestCaption = 1_024
    /// The largest picture that is shown as one, in bytes; a larger one is a document.
    static let largestImage = 5 << 20
    private static let images: Set<String> = ["image/jpeg", "image/png"]

    /// Sounds are documents, for WhatsApp shows no text beside a sound.
    static func kind(of file: AttachedFile) -> Kind {
        if images.contains(file.contentType), file.size <= largestImage { return .image }
        return file.contentType.hasPrefix("video/") ? .video : .document
    }

    /// Why a message's files cannot go by WhatsApp; `nil` when they can, or there are none.
    static func fault(_ files: [AttachedFile], with content: RenderedContent?) -> String? {
        guard !files.isEmpty, let content else { return nil }
        if files.count > 1 { return "must be one file for WhatsApp" }
        if content.interactive?.type == .list { return "cannot go by WhatsApp with a list" }
        if content.interactive == nil, content.text.count > longestCaption {
            return "goes by WhatsApp with a text of at most \(longestCaption) characters"
        }
        return nil
    }
}
