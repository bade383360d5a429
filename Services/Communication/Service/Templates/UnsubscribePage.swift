import CommunicationAPI

/// The page behind a link to unsubscribe: plain, without anything to be fetched, and without anybody's name or address.
enum UnsubscribePage {
    static func html(_ state: UnsubscribeState, clinic: String?) -> String {
        let sender = clinic.map { " from \(escaped($0))" } ?? ""
        let kind = state.category == .marketing ? "news and offers" : "\(state.category.rawValue) messages"
        let body =
            state.unsubscribed
            ? "<p>You get no more \(kind)\(sender) at this address.</p>"
            : """
            <p>Do you want no more \(kind)\(sender) at this address?</p>
            <form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>
            """
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <meta name="robots" content="noindex"><title>Unsubscribe</title></head>
            <body><h1>Unsubscribe</h1>
            \(body)
            </body></html>

            """
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
