/// Reads the XML in which AWS's query services answer; what looks at signatures before its other services does may answer so too.
enum AWSQueryXML {
    /// Whether it is a refusal; S3, which many CDNs stand before, calls its errors alike, but by themselves.
    static func isRefusal(_ body: [UInt8]) -> Bool {
        String(decoding: body, as: UTF8.self).contains("<ErrorResponse")
            && ProviderVerdict.token(element("Code", in: body)) != nil
    }

    /// The text of the first element of a name; the answers nest none in itself.
    static func element(_ name: String, in body: [UInt8]) -> String? {
        text(between: "<\(name)>", and: "</\(name)>", in: String(decoding: body, as: UTF8.self)[...])
    }

    /// The value of a map's entry.
    static func entry(_ key: String, in body: [UInt8]) -> String? {
        let answer = String(decoding: body, as: UTF8.self)
        guard let place = answer.firstRange(of: "<key>\(key)</key>") else { return nil }
        return text(between: "<value>", and: "</value>", in: answer[place.upperBound...])
    }

    private static func text(between start: String, and end: String, in text: Substring) -> String? {
        guard let from = text.firstRange(of: start)?.upperBound,
            let to = text[from...].firstRange(of: end)?.lowerBound
        else { return nil }
        var value = String(text[from..<to])
        for (escape, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'")] {
            value = value.replacing(escape, with: character)
        }
        return value.replacing("&amp;", with: "&")
    }
}
