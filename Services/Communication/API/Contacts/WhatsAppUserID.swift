package import Contracts
import Core

/// What WhatsApp calls somebody towards one business, whether or not they show their number: a country, a dot, and an id.
package struct WhatsAppUserID: Hashable, Sendable, CustomStringConvertible {
    /// The longest id behind the country, in characters.
    private static let longest = 128

    package let id: String

    package init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 2, parts[0].allSatisfy(\.isCapitalLetter),
            (1...Self.longest).contains(parts[1].count),
            parts[1].allSatisfy(\.isLetterOrDigit)
        else { return nil }
        id = String(text)
    }

    package var description: String { id }
}

extension WhatsAppUserID: Documented {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a user id of WhatsApp's")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(id)
    }

    package static var schema: Schema {
        .string(
            pattern: "^[A-Z]{2}\\.[A-Za-z0-9]{1,128}$",
            example: "IN.13491208655302741918",
            complaint: "is not a user id of WhatsApp's",
            parses: { WhatsAppUserID($0) != nil }
        )
    }

    package static var placeholder: WhatsAppUserID { WhatsAppUserID(known: "AA.0") }

    private init(known id: String) { self.id = id }
}
