/// An E.164 number: `+` and 8 to 15 digits, the first not zero.
package struct PhoneNumber: Hashable, Sendable, CustomStringConvertible {
    package let number: String

    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard (9...16).contains(bytes.count), bytes[0] == UInt8(ascii: "+"), bytes[1] != UInt8(ascii: "0"),
            bytes.dropFirst().allSatisfy(\.isDigit)
        else { return nil }
        number = String(text)
    }

    package var description: String { number }
}

extension PhoneNumber: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not an E.164 number")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }
}
