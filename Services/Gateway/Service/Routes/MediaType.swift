/// Which of the media types on offer a client wants (RFC 9110 §12.5.1).
enum MediaType {
    /// The best of `offered` for an `Accept` header, the first one where there is none; `nil` when none will do.
    static func choose(_ accept: String?, from offered: [String]) -> String? {
        guard let first = offered.first else { return "" }
        guard let accept, accept != "*/*", accept != first else { return first }
        var best: (media: String, quality: Double)?
        for media in offered {
            let quality = quality(of: media, in: accept)
            if quality > 0, quality > best?.quality ?? 0 { best = (media, quality) }
        }
        return best?.media
    }

    /// The weight of the most specific range that matches.
    private static func quality(of media: String, in accept: String) -> Double {
        let kind = media.split(separator: "/").first ?? ""
        var found = (specificity: 0, quality: 0.0)
        for part in accept.split(separator: ",") {
            let fields = part.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            guard let range = fields.first else { continue }
            let specificity = range == media ? 3 : range == "\(kind)/*" ? 2 : range == "*/*" ? 1 : 0
            guard specificity > found.specificity else { continue }
            let weight = fields.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 }
            found = (specificity, weight ?? 1)
        }
        return found.quality
    }
}
