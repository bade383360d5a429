package import Contracts
package import Core

/// What messages of one occasion say, by language and channel.
///
/// Shown is the draft where there is one, else the version in force, else the built-in text.
package struct Template: Wire, Hashable {
    package static let longestName = 100
    package static let mostVariables = 50
    package static let mostLanguages = 30
    /// Templates a clinic may have beside the built-in ones.
    package static let mostOwn = 500

    package var id: TemplateID
    /// What messages name it by.
    package var name: String
    /// Of its messages that name none themselves.
    package var category: MessageCategory
    /// It comes with the product: it can be rewritten and reset, not removed.
    package var builtIn: Bool
    /// The version in force; absent while the built-in text is, and before the first is published.
    package var publishedVersion: Int?
    /// Whether a draft is shown that is not in force yet.
    package var draft: Bool
    package var variables: [TemplateVariable]
    /// By language, as BCP 47 writes it: `de-AT`.
    package var contents: [String: TemplateTexts]
    package var createdAt: Instant?
    package var updatedAt: Instant?

    package init(
        id: TemplateID,
        name: String,
        category: MessageCategory,
        builtIn: Bool,
        publishedVersion: Int?,
        draft: Bool,
        variables: [TemplateVariable],
        contents: [String: TemplateTexts],
        createdAt: Instant?,
        updatedAt: Instant?
    ) {
        self.id = id
        self.name = name
        self.category = category
        self.builtIn = builtIn
        self.publishedVersion = publishedVersion
        self.draft = draft
        self.variables = variables
        self.contents = contents
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// A template in a list.
package struct TemplateSummary: Wire, Hashable {
    package var id: TemplateID
    package var name: String
    package var category: MessageCategory
    package var builtIn: Bool
    package var publishedVersion: Int?
    /// Whether there is a draft that is not in force yet.
    package var draft: Bool
    package var updatedAt: Instant?

    package init(
        id: TemplateID,
        name: String,
        category: MessageCategory,
        builtIn: Bool,
        publishedVersion: Int?,
        draft: Bool,
        updatedAt: Instant?
    ) {
        self.id = id
        self.name = name
        self.category = category
        self.builtIn = builtIn
        self.publishedVersion = publishedVersion
        self.draft = draft
        self.updatedAt = updatedAt
    }
}

/// A template to be added, as a draft.
package struct TemplateDraft: Wire {
    package var name: String
    package var category: MessageCategory
    package var variables: [TemplateVariable]?
    package var contents: [String: TemplateTexts]

    package init(
        name: String,
        category: MessageCategory,
        variables: [TemplateVariable]? = nil,
        contents: [String: TemplateTexts]
    ) {
        self.name = name
        self.category = category
        self.variables = variables
        self.contents = contents
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 2...Template.longestName), .example(CodingKeys.name, "birthday_greeting"),
            .describe(CodingKeys.name, "Small letters, digits and _, the first a letter."),
            .count(CodingKeys.variables, 0...Template.mostVariables),
            .count(CodingKeys.contents, 1...Template.mostLanguages),
            .describe(CodingKeys.contents, "By language, as BCP 47 writes it: de-AT."),
        ]
    }
}

/// One of the texts that were or are in force.
package struct TemplateVersion: Wire, Hashable {
    package var number: Int
    package var inForce: Bool
    package var publishedAt: Instant
    package var publishedBy: String

    package init(number: Int, inForce: Bool, publishedAt: Instant, publishedBy: String) {
        self.number = number
        self.inForce = inForce
        self.publishedAt = publishedAt
        self.publishedBy = publishedBy
    }
}

/// Names a template.
package struct TemplatePath: Wire {
    package var id: TemplateID

    package init(id: TemplateID) { self.id = id }
}

/// Names a template, and one of its versions.
package struct TemplateVersionPath: Wire {
    package var id: TemplateID
    /// One that was published; without it the draft, else what is in force.
    package var version: Int?

    package init(id: TemplateID, version: Int? = nil) {
        self.id = id
        self.version = version
    }

    package static var limits: [Limit] { [.range(CodingKeys.version, 1...1_000_000)] }
}

/// What is to be in force: the draft, or a version that was in force before.
package struct TemplatePublication: Wire {
    package var id: TemplateID
    /// A former version; the draft without it.
    ///
    /// A draft that there is beside it stays one, and is what the reply shows.
    package var version: Int?

    package init(id: TemplateID, version: Int? = nil) {
        self.id = id
        self.version = version
    }

    package static var limits: [Limit] {
        [
            .range(CodingKeys.version, 1...1_000_000),
            .describe(
                CodingKeys.version,
                "A former version; the draft without it. A draft that there is beside it stays one, and is what the reply shows."
            ),
        ]
    }
}

/// Which templates to list.
package struct TemplateListRequest: Wire {
    /// A part of the name.
    package var q: String?
    package var category: MessageCategory?
    package var builtIn: Bool?
    /// By name when absent.
    package var sort: NameOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        q: String? = nil,
        category: MessageCategory? = nil,
        builtIn: Bool? = nil,
        sort: NameOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.q = q
        self.category = category
        self.builtIn = builtIn
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.q, 1...Template.longestName), .range(CodingKeys.limit, 1...200),
            .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// In which order a list has versions of a template.
package enum TemplateVersionOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case newestFirst = "-number"
    case oldestFirst = "number"
}

/// Which versions to list.
package struct TemplateVersionsRequest: Wire {
    package var id: TemplateID
    package var sort: TemplateVersionOrder?
    package var limit: Int?
    package var cursor: String?

    package init(id: TemplateID, sort: TemplateVersionOrder? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.id = id
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "-number, the newest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}
