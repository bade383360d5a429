import Contracts

/// HTML by hand, with every value escaped.
enum Markup {
    static func escape(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.append(character)
            }
        }
        return out
    }

    static func page(_ title: String, _ body: String) -> String {
        """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(escape(title))</title><style>
        body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2733}
        table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #dde3e8;
        vertical-align:top}pre{white-space:pre-wrap;margin:0}small{color:#5b6b7a}button{font:inherit;padding:.4rem 1rem}
        form{display:inline}</style><h1>\(escape(title))</h1>\(body)</html>
        """
    }

    /// `150000 INR` as a person reads it: the sandbox shows minor units as they are.
    static func amount(_ payment: JSONValue) -> String {
        guard case .integer(let amount) = payment["amount"] else { return "" }
        return "\(amount) minor units of \(payment["currency"]?.string ?? "")"
    }
}
