import CommunicationAPI

/// The page behind a link to unsubscribe: plain, without anything to be fetched, and without anybody's name or address.
enum UnsubscribePage {
    /// - Parameter clinic: its name.
    static func html(_ state: UnsubscribeState, clinic: String?, in words: UnsubscribeWords) -> String {
        let sender = clinic.map { words.sender.replacing("{clinic}", with: HTMLText.escaped($0)) } ?? ""
        let kind = HTMLText.escaped(words.kind(of: state.category))
        // The clinic's name comes last: nothing in it is filled in.
        let sentence = (state.unsubscribed ? words.done : words.question)
            .replacing("{kind}", with: kind)
            .replacing("{sender}", with: sender)
        let title = HTMLText.escaped(words.title)
        let body =
            state.unsubscribed
            ? "<p>\(sentence)</p>"
            : """
            <p>\(sentence)</p>
            <form method="post"><button name="List-Unsubscribe" value="One-Click">\(title)</button></form>
            """
        return """
            <!doctype html>
            <html lang="\(words.language)"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <meta name="robots" content="noindex"><title>\(title)</title></head>
            <body><h1>\(title)</h1>
            \(body)
            </body></html>

            """
    }
}
