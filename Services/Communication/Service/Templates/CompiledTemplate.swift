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

    /// Bytes of one text with its places filled in; what could become more is not filled in at all.
    static let mostBytes = 512 * 1_024

    /// One text, ready to be filled in.
    private struct Filling: Sendable {
        let template: MustacheTemplate
        let size: TemplateSize
        let isHTML: Bool

        /// - Parameter isHTML: whether values are escaped; otherwise they stand as they are.
        init(_ text: String, isHTML: Bool = false) throws {
            template = try MustacheTemplate(string: isHTML ? text : "{{% CONTENT_TYPE:TEXT}}\n" + text)
            size = TemplateSize(text)
            self.isHTML = isHTML
        }

        /// Throws 422 where it could become too long, before anything is made of it.
        func render(_ words: [String: Any], as name: String) throws(Problem) -> String {
            try CompiledTemplate.check(bytes: size.most(with: words, isEscaped: isHTML), of: name)
            return template.render(words)
        }
    }

    private struct Text: Sendable {
        var subject: Filling?
        var text: Filling?
        var html: Filling?
        var approved: ApprovedMapping?
        var approvedByTwilio: ApprovedMapping?
        var interactive: InteractiveContent?
        var dltTemplate: String?
    }

    /// How an e-mail of marketing ends.
    private struct Closing {
        let link: String
        let words: UnsubscribeWords
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
                    subject: try Filling(email.subject),
                    text: try email.text.map { try Filling($0) },
                    html: try email.html.map { try Filling($0, isHTML: true) }
                )
            }
            if let sms = words.sms {
                let text = Text(text: try Filling(sms.text), dltTemplate: sms.dltTemplateId)
                texts[.sms, default: [:]][locale] = text
            }
            if let whatsapp = words.whatsapp {
                let text = Text(
                    text: try Filling(whatsapp.text),
                    approved: whatsapp.approved,
                    approvedByTwilio: whatsapp.approvedByTwilio,
                    interactive: whatsapp.interactive
                )
                texts[.whatsapp, default: [:]][locale] = text
            }
            if let push = words.push {
                let text = Text(subject: try Filling(push.title), text: try Filling(push.text))
                texts[.push, default: [:]][locale] = text
            }
        }
    }

    /// Throws 422 with everything that is wrong with a body that is to be stored or shown.
    static func check(_ body: TemplateBody, of category: MessageCategory = .care) throws(Problem) {
        try TemplateRules.check(body, of: category)
        do {
            _ = try CompiledTemplate(name: "", category: .care, body)
        } catch {
            throw .invalid("/contents", "cannot be read as Mustache")
        }
    }

    /// The same beside what is there already, whose own faults do not count: the rules become stricter, and whoever changes one
    /// text need not mend the others.
    static func check(
        _ body: TemplateBody,
        of category: MessageCategory = .care,
        beside present: TemplateBody?
    ) throws(Problem) {
        guard let problem = problem(with: body, of: category) else { return }
        let known = present.flatMap { self.problem(with: $0, of: category) }?.errors ?? []
        let faults = problem.errors.filter { !known.contains($0) }
        if problem.errors.isEmpty { throw problem }
        if !faults.isEmpty { throw .invalid(faults) }
    }

    private static func problem(with body: TemplateBody, of category: MessageCategory) -> Problem? {
        do throws(Problem) {
            try check(body, of: category)
            return nil
        } catch {
            return error
        }
    }

    /// The channels that have a text in some language.
    var channels: [MessageChannel] { MessageChannel.allCases.filter { texts[$0] != nil } }

    /// Fills the places in, for those of the channels that have a text.
    ///
    /// Throws 422 that names every variable without a value, and says when what comes out is too long or nothing.
    ///
    /// - Parameters:
    ///   - locales: the languages that are looked for, in this order; what has none of them speaks its own.
    ///   - link: by which the recipient ends messages like it: an e-mail that does not say it ends with it.
    func fill(
        _ data: [String: JSONValue],
        locales: [String],
        channels: some Sequence<MessageChannel>,
        unsubscribingBy link: String? = nil
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
            var words = values.written(in: spelling)
            var closing: Closing?
            if channel == .email, let link {
                let name = TemplateVariable.unsubscribeLink.name
                if !variables.contains(where: { $0.name == name }) { words[name] = link }
                closing = Closing(
                    link: link,
                    words: UnsubscribeWords.inFirst(of: [locale, String(language)] + locales)
                )
            }
            let content = try Self.content(of: text, words, channel, locale, closing)
            filled[channel] = Filled(locale: locale, content: content)
        }
        return filled
    }

    private static func content(
        of text: Text,
        _ words: [String: Any],
        _ channel: MessageChannel,
        _ locale: String,
        _ closing: Closing?
    ) throws(Problem) -> RenderedContent {
        func render(_ filling: Filling?, _ part: String) throws(Problem) -> String? {
            try filling?.render(words, as: "\(channel.rawValue) \(part)")
        }
        let subject = try render(text.subject, channel == .push ? "title" : "subject")
        var html = try render(text.html, "html")
        var plain = try render(text.text, "text") ?? HTMLText.plain(html ?? "")
        try checkSaid(subject: subject, text: plain, channel)
        if let closing {
            plain = closing.words.text(plain, endingWith: closing.link)
            html = html.map { closing.words.page($0, endingWith: closing.link) }
        }
        try check(subject: subject, text: plain, channel, isInteractive: text.interactive != nil)
        if channel == .email, html == nil { html = HTMLText.page(plain, locale: locale) }
        try check(bytes: html?.utf8.count ?? 0, of: "\(channel.rawValue) html")
        return RenderedContent(
            subject: subject,
            text: plain,
            html: html,
            approved: text.approved.map { approved($0, words) },
            approvedByTwilio: text.approvedByTwilio.map { approved($0, words) },
            interactive: text.interactive,
            dltTemplate: text.dltTemplate
        )
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

    private static func check(bytes: Int, of name: String) throws(Problem) {
        guard bytes > mostBytes else { return }
        throw .invalid("/data", "could make the \(name) longer than the \(mostBytes / 1_024) KiB that are allowed")
    }

    private static func checkSaid(subject: String?, text: String, _ channel: MessageChannel) throws(Problem) {
        let isBlank = text.allSatisfy(\.isWhitespace)
        if isBlank, channel != .email || subject?.allSatisfy(\.isWhitespace) != false {
            throw .invalid("/data", "leaves nothing to be said by \(channel.rawValue)")
        }
    }

    private static func check(
        subject: String?,
        text: String,
        _ channel: MessageChannel,
        isInteractive: Bool
    ) throws(Problem) {
        let longestSubject = channel == .push ? PushText.longestTitle : EmailTexts.longestSubject
        let longestText =
            switch channel {
            case .email: EmailTexts.longestHTML
            case .whatsapp where isInteractive: InteractiveContent.longestText
            case .sms, .whatsapp: SMSText.longest
            case .push: PushText.longestText
            }
        if let length = subject?.unicodeScalars.count, length > longestSubject {
            let detail = "makes the subject or title \(length) characters long; at most \(longestSubject) are allowed"
            throw .invalid("/data", detail)
        }
        let length = text.unicodeScalars.count
        guard length <= longestText else {
            let detail =
                "makes the \(channel.rawValue) text \(length) characters long; at most \(longestText) are allowed"
            throw .invalid("/data", detail)
        }
    }

    /// Approved templates take no runs of blanks.
    private static func oneSpaced(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
