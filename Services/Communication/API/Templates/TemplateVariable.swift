package import Contracts

/// How the value for a place of a template is checked, and how it is written.
package enum TemplateVariableType: String, Hashable, Sendable, Codable, CaseIterable {
    /// One line.
    case text
    /// Several lines.
    case paragraph
    /// A whole number.
    case number
    /// `YYYY-MM-DD`, spelled as the language spells dates.
    case date
    /// `HH:MM`.
    case time
    /// `{"amount": 8000, "currency": "EUR"}`, written as the language writes amounts.
    case money
    /// An address that begins with `http://` or `https://`.
    case link
    /// `true` or `false`, for sections.
    case flag
    /// Texts of one line each, for sections.
    case list
}

/// A place of a template that a message fills in.
package struct TemplateVariable: Wire, Hashable {
    package static let longestName = 50

    package var name: String
    package var type: TemplateVariableType
    /// It may be missing, and stands only within a section of its own name.
    package var optional: Bool?
    /// It says something of a person, and so never stands in a subject or a title.
    package var confidential: Bool?
    /// Stands in where a preview or a test has no data.
    package var example: JSONValue?

    package init(
        name: String,
        type: TemplateVariableType,
        optional: Bool? = nil,
        confidential: Bool? = nil,
        example: JSONValue? = nil
    ) {
        self.name = name
        self.type = type
        self.optional = optional
        self.confidential = confidential
        self.example = example
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...longestName), .example(CodingKeys.name, "patientName"),
            .describe(CodingKeys.name, "Letters and digits, the first a small letter."),
            .describe(CodingKeys.optional, "It may be missing; it stands only within a section of its own name."),
            .describe(CodingKeys.confidential, "It never stands in a subject or a title."),
            .describe(CodingKeys.example, "Stands in where a preview or a test has no data."),
        ]
    }
}
