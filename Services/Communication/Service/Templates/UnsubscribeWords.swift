import CommunicationAPI
import Core

/// What is said of unsubscribing, in the languages of the built-in templates.
struct UnsubscribeWords: Sendable {
    /// What messages of a category are called.
    struct Kinds: Sendable {
        let care: String
        let billing: String
        let marketing: String
        let security: String
    }

    /// As BCP 47 writes it.
    let language: String
    /// Of the page, and of its button.
    let title: String
    /// What the link in an e-mail is called.
    let link: String
    /// What the page asks; `{kind}` stands for what the messages are called, `{sender}` for who sends them.
    let question: String
    /// What it says when there is nothing more to ask, with the same places.
    let done: String
    /// `{clinic}` with what stands around it in a sentence.
    let sender: String
    let kinds: Kinds

    static let all = [english, german, hindi]

    /// Those in the first of the languages that there are any in.
    ///
    /// - Parameter locales: tags as `LocaleChain` gives them.
    static func inFirst(of locales: some Sequence<String>) -> UnsubscribeWords {
        for locale in locales {
            if let words = all.first(where: { $0.language == locale }) { return words }
        }
        return english
    }

    func kind(of category: MessageCategory) -> String {
        switch category {
        case .care: kinds.care
        case .billing: kinds.billing
        case .marketing: kinds.marketing
        case .security: kinds.security
        }
    }

    private static let english = UnsubscribeWords(
        language: "en",
        title: "Unsubscribe",
        link: "Unsubscribe from news and offers",
        question: "Do you want no more {kind}{sender} at this address?",
        done: "You get no more {kind}{sender} at this address.",
        sender: " from {clinic}",
        kinds: Kinds(
            care: "messages about your care",
            billing: "messages about bills",
            marketing: "news and offers",
            security: "messages about your account"
        )
    )

    private static let german = UnsubscribeWords(
        language: "de",
        title: "Abmelden",
        link: "Neuigkeiten und Angebote abbestellen",
        question: "Möchten Sie an dieser Adresse keine {kind}{sender} mehr erhalten?",
        done: "Sie erhalten an dieser Adresse keine {kind}{sender} mehr.",
        sender: " von {clinic}",
        kinds: Kinds(
            care: "Nachrichten zu Ihrer Behandlung",
            billing: "Nachrichten zu Rechnungen",
            marketing: "Neuigkeiten und Angebote",
            security: "Nachrichten zu Ihrem Konto"
        )
    )

    private static let hindi = UnsubscribeWords(
        language: "hi",
        title: "सदस्यता समाप्त करें",
        link: "समाचार और ऑफ़र पाना बंद करें",
        question: "क्या आप इस पते पर {sender}{kind} अब नहीं पाना चाहते?",
        done: "आपको इस पते पर {sender}{kind} अब नहीं मिलेंगे।",
        sender: "{clinic} से ",
        kinds: Kinds(
            care: "इलाज के बारे में संदेश",
            billing: "बिलों के बारे में संदेश",
            marketing: "समाचार और ऑफ़र",
            security: "खाते के बारे में संदेश"
        )
    )
}

/// The end of an e-mail of marketing.
extension UnsubscribeWords {
    /// A mail's text with the link as its last line, unless it says it already.
    func text(_ text: String, endingWith address: String) -> String {
        if text.utf8.firstRange(of: address.utf8) != nil { return text }
        let line = "\(link): \(address)"
        return text.allSatisfy(\.isWhitespace) ? line : "\(text)\n\n\(line)"
    }

    /// A mail's page with the link as its last paragraph, unless it leads there already.
    func page(_ html: String, endingWith address: String) -> String {
        let address = HTMLText.escaped(address)
        if html.utf8.firstRange(of: address.utf8) != nil { return html }
        let words = HTMLText.escaped(link)
        let paragraph = "<p lang=\"\(language)\"><a href=\"\(address)\">\(words)</a></p>"
        guard let end = Self.endOfBody(in: html) else { return html + paragraph }
        return "\(html[..<end])\(paragraph)\(html[end...])"
    }

    /// Where the last `</body` of a page begins.
    private static func endOfBody(in html: String) -> String.Index? {
        let (bytes, tag) = (Array(html.utf8), Array("</body".utf8))
        guard bytes.count >= tag.count else { return nil }
        let place = (0...(bytes.count - tag.count)).last { start in
            zip(bytes[start...], tag).allSatisfy { $0 == $1 || $0.isLetter && $0 | 0x20 == $1 }
        }
        return place.map { html.utf8.index(html.startIndex, offsetBy: $0) }
    }
}
