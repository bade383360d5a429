/// An address RFC 5321 lets through, internationalised ones (RFC 6531) too.
///
/// Compared without case.
package struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    package static let longest = 254
    package static let longestLocalPart = 64

    /// As it was written.
    package let address: String

    /// `nil` unless there is one `@` with a plausible name before and a domain of labels behind it.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= Self.longest,
            (1...Self.longestLocalPart).contains(parts[0].utf8.count),
            Self.isLocalPart(parts[0]), Self.isDomain(parts[1])
        else { return nil }
        address = String(text)
    }

    /// The form used to find an address again.
    package var normalized: String { address.lowercased() }
    package var domain: String { String(address.split(separator: "@")[1]).lowercased() }
    package var description: String { address }

    package static func == (left: Self, right: Self) -> Bool { left.normalized == right.normalized }
    package func hash(into hasher: inout Hasher) { hasher.combine(normalized) }

    private static let marks = Set("!#$%&'*+-/=?^_`{|}~.".utf8)

    private static func isLocalPart(_ text: some StringProtocol) -> Bool {
        guard !text.hasPrefix("."), !text.hasSuffix("."), !text.contains("..") else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            if scalar.isASCII {
                let byte = UInt8(scalar.value)
                return (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || marks.contains(byte)
            }
            return !scalar.properties.isWhitespace && scalar.properties.generalCategory != .control
                && scalar.properties.generalCategory != .format
        }
    }

    private static func isDomain(_ text: some StringProtocol) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2 || text == "localhost" else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.unicodeScalars.allSatisfy { scalar in
                    scalar == "-" || scalar.properties.isAlphabetic
                        || scalar.properties.numericType != nil || scalar.properties.generalCategory == .nonspacingMark
                        || scalar.properties.generalCategory == .spacingMark
                }
        }
    }
}

extension EmailAddress: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not an e-mail address")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(address)
    }
}
