/// An address RFC 5321 lets through, internationalised ones (RFC 6531) too.
///
/// Compared without case.
package struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    package static let longest = 254
    package static let longestLocalPart = 64
    private static let longestLabel = 63

    /// As it was written.
    package let address: String

    /// `nil` unless there is one `@` with a plausible name before and a domain of labels behind it.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count <= Self.longest, let at = text.utf8.firstIndex(of: UInt8(ascii: "@")) else { return nil }
        let (local, domain) = (Substring(text[..<at]), Substring(text[text.utf8.index(after: at)...]))
        guard local.utf8.count <= Self.longestLocalPart, Self.isLocalPart(local), Self.isDomain(domain) else {
            return nil
        }
        address = String(text)
    }

    /// The form used to find an address again.
    package var normalized: String { address.lowercased() }
    package var domain: String {
        String(decoding: address.utf8.drop { $0 != UInt8(ascii: "@") }.dropFirst(), as: UTF8.self).lowercased()
    }
    package var description: String { address }

    package static func == (left: Self, right: Self) -> Bool { left.normalized == right.normalized }
    package func hash(into hasher: inout Hasher) { hasher.combine(normalized) }

    /// The letters, digits and marks of ASCII that a name may have, by their codes.
    private static let plain: [Bool] = (0..<128).map { code in
        let byte = UInt8(code)
        return byte.isLetterOrDigit || "!#$%&'*+-/=?^_`{|}~.".utf8.contains(byte)
    }

    private static func isLocalPart(_ text: Substring) -> Bool {
        // As if a dot stood before: neither the first nor the last is one, and no two are neighbours.
        var last: Unicode.Scalar = "."
        for scalar in text.unicodeScalars {
            guard scalar.isASCII ? plain[Int(scalar.value)] : isShown(scalar), scalar != "." || last != "." else {
                return false
            }
            last = scalar
        }
        return last != "."
    }

    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        !scalar.properties.isWhitespace && scalar.properties.generalCategory != .control
            && scalar.properties.generalCategory != .format
    }

    private static func isDomain(_ text: Substring) -> Bool {
        guard text != "localhost" else { return true }
        let labels = text.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2 && labels.allSatisfy(isLabel)
    }

    private static func isLabel(_ label: Substring.UnicodeScalarView) -> Bool {
        guard let first = label.first, first != "-", label.last != "-", !isMark(first) else { return false }
        var bytes = 0
        for scalar in label {
            if scalar.isASCII {
                guard scalar == "-" || UInt8(ascii: scalar).isLetterOrDigit else { return false }
                bytes += 1
            } else {
                guard scalar.properties.isAlphabetic || scalar.properties.numericType != nil || isMark(scalar) else {
                    return false
                }
                bytes += UTF8.width(scalar)
            }
        }
        return bytes <= longestLabel
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        guard !scalar.isASCII else { return false }
        let category = scalar.properties.generalCategory
        return category == .nonspacingMark || category == .spacingMark
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
