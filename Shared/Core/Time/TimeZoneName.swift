/// The shape of an IANA time zone name (`Europe/Berlin`, `UTC`); whether it exists is the resolver's to say.
package struct TimeZoneName: Hashable, Sendable, CustomStringConvertible {
    package static let utc = TimeZoneName(known: "UTC")

    package let name: String

    package init?(_ text: some StringProtocol) {
        let labels = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...64).contains(text.utf8.count), (1...3).contains(labels.count),
            labels.allSatisfy({ label in
                !label.isEmpty && label.utf8.first.map(\.isLetter) == true
                    && label.utf8.allSatisfy {
                        $0.isLetterOrDigit || $0 == 45
                            || $0 == 95 || $0 == 43
                    }
            })
        else { return nil }
        name = String(text)
    }

    /// A name that need not be looked at, being written in the sources.
    private init(known name: String) { self.name = name }

    package var description: String { name }
}

extension TimeZoneName: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a time zone name")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
