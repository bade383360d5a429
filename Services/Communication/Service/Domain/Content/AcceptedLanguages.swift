/// The languages that a browser asks for (RFC 9110 §12.5.4).
enum AcceptedLanguages {
    /// So many of a list are looked at.
    static let most = 20

    /// The tags of an `Accept-Language` header, the most wanted first; none for what is not wanted, or anything at all.
    static func tags(_ header: String) -> [String] {
        var wanted: [(tag: String, weight: Double)] = []
        for part in header.split(separator: ",").prefix(most) {
            let fields = part.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
            guard let tag = fields.first, !tag.isEmpty, tag != "*" else { continue }
            let quality = fields.dropFirst().first { $0.lowercased().hasPrefix("q=") }
            let weight = quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            if weight > 0 { wanted.append((tag, weight)) }
        }
        return wanted.enumerated()
            .sorted { (-$0.element.weight, $0.offset) < (-$1.element.weight, $1.offset) }
            .map(\.element.tag)
    }
}
