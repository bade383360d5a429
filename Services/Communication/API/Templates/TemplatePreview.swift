package import Contracts
package import Core

/// What to show filled in: a template that is there, or texts that are not stored.
package struct TemplatePreviewRequest: Wire {
    package var templateId: TemplateID?
    /// A version of the template; without it the draft, else what is in force.
    package var version: Int?
    /// Those of `contents`.
    package var variables: [TemplateVariable]?
    package var contents: [String: TemplateTexts]?
    /// That of `contents`; care without it.
    package var category: MessageCategory?
    /// The examples of the variables without it.
    package var data: [String: JSONValue]?
    /// The language wanted; the clinic's without it.
    package var locale: String?
    /// All that have a text without it.
    package var channels: [MessageChannel]?

    package init(
        templateId: TemplateID? = nil,
        version: Int? = nil,
        variables: [TemplateVariable]? = nil,
        contents: [String: TemplateTexts]? = nil,
        category: MessageCategory? = nil,
        data: [String: JSONValue]? = nil,
        locale: String? = nil,
        channels: [MessageChannel]? = nil
    ) {
        self.templateId = templateId
        self.version = version
        self.variables = variables
        self.contents = contents
        self.category = category
        self.data = data
        self.locale = locale
        self.channels = channels
    }

    package static var limits: [Limit] {
        [
            .range(CodingKeys.version, 1...1_000_000), .count(CodingKeys.variables, 0...Template.mostVariables),
            .count(CodingKeys.contents, 1...Template.mostLanguages), .count(CodingKeys.data, 0...100),
            .length(CodingKeys.locale, 2...35), .count(CodingKeys.channels, 1...4),
            .describe(
                CodingKeys.category,
                "That of contents, care without it: marketing by e-mail has a link to unsubscribe."
            ),
        ]
    }
}

/// What each channel would say.
package struct TemplatePreview: Wire, Hashable {
    package var items: [TemplatePreviewItem]

    package init(items: [TemplatePreviewItem]) { self.items = items }
}

/// What one channel would say.
package struct TemplatePreviewItem: Wire, Hashable {
    package var channel: MessageChannel
    /// The language that was found.
    package var locale: String
    /// The subject of an e-mail, the title of a push notice.
    package var subject: String?
    package var text: String
    package var html: String?
    package var sms: SMSMeasure?
    /// How the SMS would go to a number in India.
    package var dlt: DLTPreview?
    package var approved: ApprovedPreview?
    /// What Twilio is given in its place.
    package var approvedByTwilio: ApprovedPreview?
    /// What WhatsApp offers to press.
    package var interactive: InteractiveContent?

    package init(
        channel: MessageChannel,
        locale: String,
        subject: String?,
        text: String,
        html: String?,
        sms: SMSMeasure?,
        dlt: DLTPreview? = nil,
        approved: ApprovedPreview?,
        approvedByTwilio: ApprovedPreview? = nil,
        interactive: InteractiveContent? = nil
    ) {
        self.channel = channel
        self.locale = locale
        self.subject = subject
        self.text = text
        self.html = html
        self.sms = sms
        self.dlt = dlt
        self.approved = approved
        self.approvedByTwilio = approvedByTwilio
        self.interactive = interactive
    }
}

/// How a text stands with what a clinic has registered for India.
package struct DLTPreview: Wire, Hashable {
    /// The registered text that it is, or that its template names.
    package var templateId: String?
    /// Whether carriers there would take it.
    package var matches: Bool

    package init(templateId: String?, matches: Bool) {
        self.templateId = templateId
        self.matches = matches
    }
}

/// How long an SMS is, and what it is paid for.
package struct SMSMeasure: Wire, Hashable {
    package var encoding: SMSEncoding
    package var characters: Int
    package var segments: Int

    package init(encoding: SMSEncoding, characters: Int, segments: Int) {
        self.encoding = encoding
        self.characters = characters
        self.segments = segments
    }
}

/// The alphabets of SMS: 160 characters a message, or 70 of any script.
package enum SMSEncoding: String, Hashable, Sendable, Codable, CaseIterable {
    case gsm7, ucs2
}

/// An approved WhatsApp template with its places filled in.
package struct ApprovedPreview: Wire, Hashable {
    package var name: String
    package var language: String
    package var parameters: [String]
    /// Those of its buttons that take a value.
    package var buttons: [ApprovedButtonPreview]?

    package init(name: String, language: String, parameters: [String], buttons: [ApprovedButtonPreview]? = nil) {
        self.name = name
        self.language = language
        self.parameters = parameters
        self.buttons = buttons
    }
}

/// A button of an approved template with its value.
package struct ApprovedButtonPreview: Wire, Hashable {
    /// The button's place in the template, from 0.
    package var index: Int
    package var type: ApprovedButton.Kind
    package var value: String

    package init(index: Int, type: ApprovedButton.Kind, value: String) {
        self.index = index
        self.type = type
        self.value = value
    }
}

/// One message of a template, to see how it arrives.
package struct TemplateTest: Wire {
    package var id: TemplateID
    package var to: RecipientDraft
    /// Without it that of the address.
    package var channel: MessageChannel?
    /// A version of the template; without it the draft, else what is in force.
    package var version: Int?
    /// The examples of the variables without it.
    package var data: [String: JSONValue]?
    package var locale: String?

    package init(
        id: TemplateID,
        to: RecipientDraft,
        channel: MessageChannel? = nil,
        version: Int? = nil,
        data: [String: JSONValue]? = nil,
        locale: String? = nil
    ) {
        self.id = id
        self.to = to
        self.channel = channel
        self.version = version
        self.data = data
        self.locale = locale
    }

    package static var limits: [Limit] {
        [
            .range(CodingKeys.version, 1...1_000_000), .count(CodingKeys.data, 0...100),
            .length(CodingKeys.locale, 2...35),
        ]
    }
}
