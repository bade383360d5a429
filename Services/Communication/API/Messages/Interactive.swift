package import Contracts

/// What a WhatsApp message offers to press or to choose; every other channel shows its text alone.
package struct InteractiveContent: Wire, Hashable {
    package static let mostButtons = 3
    /// Of all sections together.
    package static let mostRows = 10
    /// Characters of the text that it belongs to.
    package static let longestText = 1_024

    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case buttons, list
    }

    package var type: Kind
    /// Of `buttons`: what is pressed.
    package var buttons: [InteractiveButton]?
    /// Of a `list`: what opens it.
    package var button: String?
    /// Of a `list`: what is chosen from.
    package var sections: [InteractiveSection]?
    package var footer: String?

    package init(
        type: Kind,
        buttons: [InteractiveButton]? = nil,
        button: String? = nil,
        sections: [InteractiveSection]? = nil,
        footer: String? = nil
    ) {
        self.type = type
        self.buttons = buttons
        self.button = button
        self.sections = sections
        self.footer = footer
    }

    package static var limits: [Limit] {
        [
            .count(CodingKeys.buttons, 1...mostButtons), .length(CodingKeys.button, 1...20),
            .count(CodingKeys.sections, 1...mostRows), .length(CodingKeys.footer, 1...60),
        ]
    }
}

/// A button that answers: with its id, where that is a word for a command such as `CANCEL`, else with its title.
package struct InteractiveButton: Wire, Hashable {
    package var id: String
    package var title: String

    package init(id: String, title: String) {
        self.id = id
        self.title = title
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.id, 1...200), .length(CodingKeys.title, 1...20), .example(CodingKeys.title, "Confirm")]
    }
}

/// Rows of a list that belong together.
package struct InteractiveSection: Wire, Hashable {
    /// Needed where there are several.
    package var title: String?
    package var rows: [InteractiveRow]

    package init(title: String? = nil, rows: [InteractiveRow]) {
        self.title = title
        self.rows = rows
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.title, 1...24), .count(CodingKeys.rows, 1...InteractiveContent.mostRows)]
    }
}

/// One choice of a list; it answers as a button does.
package struct InteractiveRow: Wire, Hashable {
    package var id: String
    package var title: String
    package var description: String?

    package init(id: String, title: String, description: String? = nil) {
        self.id = id
        self.title = title
        self.description = description
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.id, 1...200), .length(CodingKeys.title, 1...24),
            .length(CodingKeys.description, 1...72),
        ]
    }
}
