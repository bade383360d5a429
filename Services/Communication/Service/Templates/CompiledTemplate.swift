import CommunicationAPI
import Contracts
import Core
import Mustache

/// A template that is ready to be filled in.
///
/// Values are escaped in HTML and stand as they are everywhere else.
struct CompiledTemplate: Sendable {
    /// What one channel says, and in which language.
    struct Filled: Sendable, Hashable {
        var locale: String
        var content: RenderedContent
    }

    private struct Text: Sendable {
        var subject: MustacheTemplate?
        var text: MustacheTemplate?
        var html: MustacheTemplate?
        var approved: ApprovedMapping?
        var approvedByTwilio: ApprovedMapping?
        var interactive: InteractiveContent?
        var dltTemplate: String?
    }

    let name: String
    let category: MessageCategory
    let variables: [TemplateVariable]
    private var texts: [MessageChannel: [String: Text]] = [:]

    /// Throws what is wrong with the syntax of a body that was not checked.
    init(name: String, category: MessageCategory, _ body: TemplateBody) throws {
        self.name = name
        self.category = category
        variables = body.variables
        for (locale, words) in body.contents {
            if let email = words.email {
                texts[.email, default: [:]][locale] = Text(
                    subject: try Self.plain(email.subject),
                    text: try email.text.map(Self.plain),
                    html: try email.html.map { try MustacheTemplate(string: $0) }
                )
            }
            if let sms = words.sms {
                let text = Text(text: try Self.plain(sms.text), dltTemplate: sms.dltTemplateId)
                texts[.sms, default: [:]][locale] = text
            }
            if let whatsapp = words.whatsapp {
                let text = Text(
                    text: try Self.plain(whatsapp.text),
                    approved: whatsapp.approved,
                    approvedByTwilio: whatsapp.approvedByTwilio,
                    interactive: whatsapp.interactive
                )
                texts[.whatsapp, default: [:]][locale] = text
            }
            if let push = words.push {
                let text = Text(subject: try Self.plain(push.title), text: try Self.plain(push.text))
                texts[.push, default: [:]][locale] = text
            }
        }
    }

    /// Throws 422 with everything that is wrong with a body that is to be stored or shown.
    static func check(_ body: TemplateBody) throws(Problem) {
        try TemplateRules.check(body)
        do {
            _ = try CompiledTemplate(name: "", category: .care, body)
        } catch {
            throw .invalid("/contents", "cannot be read as Mustache")
        }
    }

    /// The channels that have a text in some language.
    var channels: [MessageChannel] { MessageChannel.allCases.filter { texts[$0] != nil } }

    /// Fills the places in, for those of the channels that have a text.
    ///
    /// Throws 422 that names every variable without a value, and says when what comes out is too long or nothing.
    ///
    /// - Parameter locales: the languages that are looked for, in this order; what has none of them speaks its own.
    func fill(
        _ data: [String: JSONValue],
        locales: [String],
        channels: some Sequence<MessageChannel>
    ) throws(Problem) -> [MessageChannel: Filled] {
        let values = try TemplateValues(data, for: variables, of: name)
        var filled: [MessageChannel: Filled] = [:]
        for channel in channels {
            guard let byLocale = texts[channel],
                let locale = locales.first(where: { byLocale[$0] != nil }) ?? byLocale.keys.min(),
                let text = byLocale[locale]
            else { continue }
            // Who reads en-IN gets the English text with the amounts of India.
            let language = locale.prefix { $0 != "-" }
            let spelling = locales.first { $0.prefix { $0 != "-" } == language } ?? locale
            let content = try Self.content(of: text, values.written(in: spelling), channel, locale)
            filled[channel] = Filled(locale: locale, content: content)
        }
        return filled
    }

    private static func content(
        of text: Text,
        _ words: [String: Any],
        _ channel: MessageChannel,
        _ locale: String
    ) throws(Problem) -> RenderedContent {
        let html = text.html?.render(words)
        let plain = text.text?.render(words) ?? HTMLText.plain(html ?? "")
        let content = RenderedContent(
            subject: text.subject?.render(words),
            text: plain,
            html: channel == .email ? html ?? HTMLText.page(plain, locale: locale) : nil,
            approved: text.approved.map { approved($0, words) },
            approvedByTwilio: text.approvedByTwilio.map { approved($0, words) },
            interactive: text.interactive,
            dltTemplate: text.dltTemplate
        )
        try check(content, channel)
        return content
    }

    /// An approved template with its places filled in.
    private static func approved(_ mapping: ApprovedMapping, _ words: [String: Any]) -> ApprovedTemplate {
        ApprovedTemplate(
            name: mapping.name,
            language: mapping.language,
            parameters: mapping.parameters.map { oneSpaced(words[$0] as? String ?? "") },
            buttons: mapping.buttons?.map { button in
                .init(
                    index: button.index,
                    kind: button.type,
                    value: oneSpaced(words[button.parameter] as? String ?? "")
                )
            }
        )
    }

    private static func check(_ content: RenderedContent, _ channel: MessageChannel) throws(Problem) {
        let longestSubject = channel == .push ? PushText.longestTitle : EmailTexts.longestSubject
        let longestText =
            switch channel {
            case .email: EmailTexts.longestHTML
            case .whatsapp where content.interactive != nil: InteractiveContent.longestText
            case .sms, .whatsapp: SMSText.longest
            case .push: PushText.longestText
            }
        let isBlank = content.text.allSatisfy(\.isWhitespace)
        if isBlank, channel != .email || content.subject?.allSatisfy(\.isWhitespace) != false {
            throw .invalid("/data", "leaves nothing to be said by \(channel.rawValue)")
        }
        if let length = content.subject?.unicodeScalars.count, length > longestSubject {
            let detail = "makes the subject or title \(length) characters long; at most \(longestSubject) are allowed"
            throw .invalid("/data", detail)
        }
        let length = content.text.unicodeScalars.count
        guard length <= longestText else {
            let detail =
                "makes the \(channel.rawValue) text \(length) characters long; at most \(longestText) are allowed"
            throw .invalid("/data", detail)
        }
    }

    /// Values stand as they are.
    private static func plain(_ text: String) throws -> MustacheTemplate {
        try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}\n" + text)
    }

    /// Approved templates take no runs of blanks.
    private static func oneSpaced(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
