/// A name for URLs: 2 to 63 of `a-z 0-9 -`, beginning and ending with a letter or digit.
package struct Slug: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        func isPlain(_ byte: UInt8) -> Bool { byte.isSmallLetter || byte.isDigit }
        guard (2...63).contains(bytes.count), let first = bytes.first, let last = bytes.last, isPlain(first),
            isPlain(last),
            bytes.allSatisfy({ isPlain($0) || $0 == UInt8(ascii: "-") })
        else { return nil }
        self.text = String(text)
    }

    package var description: String { text }
}

extension Slug: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a slug")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
