package import Contracts

/// What a clinic has registered for its texts by SMS, by country; where it names nothing, nothing is checked.
package struct CountryRegistrations: Wire, Hashable {
    package var india: IndiaRegistration?
    package var unitedStates: USRegistration?

    private enum CodingKeys: String, CodingKey {
        case india = "IN"
        case unitedStates = "US"
    }

    package init(india: IndiaRegistration? = nil, unitedStates: USRegistration? = nil) {
        self.india = india
        self.unitedStates = unitedStates
    }
}

/// A sender as a DLT platform of India knows it; texts to numbers there have to be one of its templates.
package struct IndiaRegistration: Wire, Hashable {
    package static let mostTemplates = 200

    package var entityId: String
    /// The sender that recipients see.
    package var header: String
    package var templates: [DLTTemplate]

    package init(entityId: String, header: String, templates: [DLTTemplate]) {
        self.entityId = entityId
        self.header = header
        self.templates = templates
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.entityId, 4...50), .example(CodingKeys.entityId, "1101456070000012345"),
            .length(CodingKeys.header, 3...11), .example(CodingKeys.header, "CLINIC"),
            .count(CodingKeys.templates, 1...mostTemplates),
        ]
    }
}

/// A text as it is registered: what changes stands as `{#var#}`, each 1 to 30 characters.
package struct DLTTemplate: Wire, Hashable {
    package var id: String
    package var text: String

    package init(id: String, text: String) {
        self.id = id
        self.text = text
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.id, 4...50), .example(CodingKeys.id, "1107160000000012345"),
            .length(CodingKeys.text, 1...2_000),
            .example(CodingKeys.text, "Dear {#var#}, we expect you on {#var#}."),
        ]
    }
}

/// A sender as the carriers of the United States know it (10DLC).
package struct USRegistration: Wire, Hashable {
    /// Whether the campaign is registered: until then nothing is sent to numbers there.
    package var registered: Bool
    package var campaignId: String?

    package init(registered: Bool, campaignId: String? = nil) {
        self.registered = registered
        self.campaignId = campaignId
    }

    package static var limits: [Limit] { [.length(CodingKeys.campaignId, 1...50)] }
}
