import Contracts

/// `application/x-www-form-urlencoded`, as some providers take requests and send webhooks.
enum FormBody {
    static let mediaType = "application/x-www-form-urlencoded"
    /// Parameters that one body may have.
    static let mostPairs = 1_000

    typealias Pairs = [(name: String, value: String)]

    static func encode(_ pairs: Pairs) -> [UInt8] {
        let parts = pairs.map { "\(PercentCoding.encode($0.name))=\(PercentCoding.encode($0.value))" }
        return Array(parts.joined(separator: "&").utf8)
    }

    /// The parameters in their order, blank ones among them; `nil` for what is no form.
    static func parse(_ body: [UInt8]) -> Pairs? {
        guard let text = String(validating: body, as: UTF8.self) else { return nil }
        var pairs: Pairs = []
        for part in text.split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pairs.count < mostPairs, let name = PercentCoding.decode(halves[0], plusIsSpace: true),
                let value = PercentCoding.decode(halves.dropFirst().first ?? "", plusIsSpace: true)
            else { return nil }
            pairs.append((name, value))
        }
        return pairs
    }
}
