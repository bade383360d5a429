import CommunicationAPI
import Contracts
import Core

/// What a message says: the same on every channel, or what its template says on each.
struct MessageWords: Sendable {
    /// Of the message, unless it names one itself.
    var category: MessageCategory
    /// The version of the clinic's own template; `nil` for a built-in one, and without one.
    var version: Int?
    private let plain: RenderedContent?
    private var byChannel: [MessageChannel: RenderedContent]

    /// The same on every channel.
    init(_ content: MessageContent, category: MessageCategory) {
        self.category = category
        plain = RenderedContent(
            subject: content.subject,
            text: content.text,
            html: content.html,
            interactive: content.interactive
        )
        byChannel = [:]
    }

    /// A template's own words for each channel.
    init(_ contents: [MessageChannel: RenderedContent], category: MessageCategory, version: Int?) {
        self.category = category
        self.version = version
        plain = nil
        byChannel = contents
    }

    subscript(_ channel: MessageChannel) -> RenderedContent? { byChannel[channel] ?? plain }

    /// The same, with a link to unsubscribe at the end of what goes by e-mail.
    ///
    /// Throws 422 where there is no room for it.
    func unsubscribing(by link: String, in words: UnsubscribeWords) throws(Problem) -> MessageWords {
        guard var email = self[.email] else { return self }
        email.text = words.text(email.text, endingWith: link)
        email.html = email.html.map { words.page($0, endingWith: link) }
        let parts = [
            ("text", email.text, MessageContent.longestText), ("html", email.html ?? "", MessageContent.longestHTML),
        ]
        for (name, text, most) in parts {
            let length = text.unicodeScalars.count
            guard length > most else { continue }
            let detail = "is \(length) characters long with the link to unsubscribe; at most \(most) are allowed"
            throw .invalid("/content/\(name)", detail)
        }
        var closed = self
        closed.byChannel[.email] = email
        return closed
    }

    /// Why a channel cannot carry them; `nil` when it can.
    ///
    /// Characters are counted as schemas and templates count them, by code points.
    ///
    /// - Parameter hasFile: whether a file goes with them where the channel takes one: it needs no words.
    func fault(on channel: MessageChannel, hasFile: Bool = false) -> Problem.Fault? {
        guard let content = self[channel] else {
            return Problem.Fault(pointer: "/channels", "the template has no text for \(channel.rawValue)")
        }
        let length = content.text.unicodeScalars.count
        switch channel {
        case .email where content.subject == nil:
            return Problem.Fault(pointer: "/content/subject", "is required for e-mail")
        case .whatsapp where content.interactive != nil && length > InteractiveContent.longestText:
            return Problem.Fault(
                pointer: "/content/text",
                "must be at most \(InteractiveContent.longestText) characters with something to press"
            )
        case .sms, .whatsapp:
            if length > TextToSend.longest {
                let detail = "must be 1 to 1,600 characters for \(channel.rawValue)"
                return Problem.Fault(pointer: "/content/text", detail)
            }
            let isBlank = content.text.allSatisfy(\.isWhitespace)
            // A text below a file may be left out.
            let mayBeBlank = channel == .whatsapp && hasFile && content.interactive == nil
            guard isBlank, !mayBeBlank else { return nil }
            return Problem.Fault(pointer: "/content/text", "must not be blank for \(channel.rawValue)")
        case .email, .push: return nil
        }
    }

    /// What is kept of a message that goes to these addresses through these channels.
    func sealed(for channels: [MessageChannel], to reach: Reach) -> SealedContent {
        let first = channels.first.flatMap { self[$0] } ?? RenderedContent(text: "")
        // What all channels say is kept once, and a page, which only e-mail shows, with e-mail's words.
        let hasPage = byChannel.isEmpty || channels.first == .email
        let common = RenderedContent(
            subject: first.subject,
            text: first.text,
            html: hasPage ? first.html : nil,
            interactive: first.interactive
        )
        var variants: [String: RenderedContent] = [:]
        for channel in channels where !byChannel.isEmpty {
            guard var words = self[channel] else { continue }
            if channel != .email { words.html = nil }
            if words != common { variants[channel.rawValue] = words }
        }
        return SealedContent(
            email: reach.email,
            phone: reach.phone,
            whatsAppUser: reach.whatsAppUser,
            pushToken: reach.pushToken,
            subject: common.subject,
            text: common.text,
            html: common.html,
            interactive: common.interactive,
            variants: variants.isEmpty ? nil : variants
        )
    }
}

/// What a message says, before it is known on which channels and in which language.
enum MessageSource: Sendable {
    case words(MessageWords)
    case template(OpenTemplate, [String: JSONValue])

    /// Of the message, unless it names one itself.
    var category: MessageCategory {
        switch self {
        case .words(let words): words.category
        case .template(let template, _): template.category
        }
    }

    /// What it says on these channels; throws 422 for what a template's data lacks.
    ///
    /// - Parameters:
    ///   - locales: the languages wanted, the most wanted first.
    ///   - link: by which the recipient ends messages like it, where its e-mail says so.
    ///   - clinicLocale: the clinic's language.
    func words(
        in locales: [String?],
        on channels: [MessageChannel],
        unsubscribingBy link: String?,
        clinicLocale: String?
    ) throws(Problem) -> MessageWords {
        switch self {
        case .words(let words):
            guard let link else { return words }
            let chain = LocaleChain.locales(wanted: locales, clinic: clinicLocale)
            return try words.unsubscribing(by: link, in: UnsubscribeWords.inFirst(of: chain))
        case .template(let template, let data):
            return try template.fill(data, locales: locales, channels: channels, unsubscribingBy: link)
        }
    }
}
