import Contracts
import Core

/// `application/x-www-form-urlencoded` with Stripe's brackets: `metadata[clinic]=7`.
enum FormBody {
    static let mostPairs = 1_000

    /// The pairs in order; `nil` for bytes that are no form.
    static func parse(_ bytes: some Collection<UInt8>) -> [(name: String, value: String)]? {
        var pairs: [(name: String, value: String)] = []
        for part in bytes.split(separator: UInt8(ascii: "&")) {
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(halves[0]), let value = halves.count == 2 ? decode(halves[1]) : "",
                pairs.count < mostPairs
            else { return nil }
            pairs.append((name, value))
        }
        return pairs
    }

    /// The pairs as one text.
    static func text(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { "\(PercentCoding.encode($0.name))=\(PercentCoding.encode($0.value))" }.joined(separator: "&")
    }

    /// Percent-decoded text, `+` a space; `nil` when malformed.
    static func decode(_ bytes: some Collection<UInt8>) -> String? {
        var out: [UInt8] = []
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "+"): out.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = iterator.next()?.hexValue, let low = iterator.next()?.hexValue else { return nil }
                out.append(high << 4 | low)
            default: out.append(byte)
            }
        }
        return String(validating: out, as: UTF8.self)
    }
}
