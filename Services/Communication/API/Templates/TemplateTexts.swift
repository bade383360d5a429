package import Contracts

/// What a template says in one language, by channel; in Mustache.
package struct TemplateTexts: Wire, Hashable {
    package var email: EmailTexts?
    package var sms: SMSText?
    package var whatsapp: WhatsAppText?
    package var push: PushText?

    package init(
        email: EmailTexts? = nil,
        sms: SMSText? = nil,
        whatsapp: WhatsAppText? = nil,
        push: PushText? = nil
    ) {
        self.email = email
        self.sms = sms
        self.whatsapp = whatsapp
        self.push = push
    }
}

/// An e-mail: of `text` and `html` the one that is missing is made of the other.
package struct EmailTexts: Wire, Hashable {
    package static let longestSubject = 250
    package static let longestText = 50_000
    package static let longestHTML = 100_000

    package var subject: String
    package var text: String?
    package var html: String?

    package init(subject: String, text: String? = nil, html: String? = nil) {
        self.subject = subject
        self.text = text
        self.html = html
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.subject, 1...longestSubject), .length(CodingKeys.text, 1...longestText),
            .length(CodingKeys.html, 1...longestHTML),
            .describe(
                CodingKeys.text,
                "In marketing {{unsubscribeLink}} stands for the link to unsubscribe, here and in html; nobody declares it or gives it a value. What does not have it gets it at its end."
            ),
            .describe(
                CodingKeys.html,
                "A page of text, pictures and links: no scripts, frames or forms, nothing that is run. Variables stand in its text and in attributes' values within quotation marks, in those that lead somewhere links only; not in styles, comments or names."
            ),
        ]
    }
}

/// An SMS.
package struct SMSText: Wire, Hashable {
    /// Characters, with every place filled in too.
    package static let longest = 1_600

    package var text: String
    /// Which of the texts that the clinic has registered for India it is, by the id of the DLT platform.
    ///
    /// Without it whichever it matches.
    package var dltTemplateId: String?

    package init(text: String, dltTemplateId: String? = nil) {
        self.text = text
        self.dltTemplateId = dltTemplateId
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.text, 1...longest), .length(CodingKeys.dltTemplateId, 4...50),
            .example(CodingKeys.dltTemplateId, "1107160000000012345"),
            .describe(
                CodingKeys.dltTemplateId,
                "Which of settings.countryRules.IN.templates it is; without it whichever it matches."
            ),
        ]
    }
}

/// A WhatsApp message, and what opens a conversation there: text of one's own is taken only after the recipient has written.
package struct WhatsAppText: Wire, Hashable {
    package var text: String
    package var approved: ApprovedMapping?
    /// The same as Twilio knows it; without it Twilio is given `approved`.
    package var approvedByTwilio: ApprovedMapping?
    /// What it offers to press within a conversation; it stands as it is, without variables.
    package var interactive: InteractiveContent?

    package init(
        text: String,
        approved: ApprovedMapping? = nil,
        approvedByTwilio: ApprovedMapping? = nil,
        interactive: InteractiveContent? = nil
    ) {
        self.text = text
        self.approved = approved
        self.approvedByTwilio = approvedByTwilio
        self.interactive = interactive
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.text, 1...SMSText.longest),
            .describe(
                CodingKeys.interactive,
                "What it offers to press within a conversation; it stands as it is, without variables."
            ),
        ]
    }
}

/// Which template approved by the provider says the same, and which variables fill its places.
package struct ApprovedMapping: Wire, Hashable {
    package static let mostParameters = 20

    /// As the provider knows it: a name, or Twilio's `HX…`.
    package var name: String
    /// As the provider spells it.
    package var language: String
    /// Names of variables, for `{{1}}`, `{{2}}`, … in this order.
    package var parameters: [String]
    /// Those of the template's buttons that take a value; with Twilio they are among `parameters`.
    package var buttons: [ApprovedButton]?

    package init(name: String, language: String, parameters: [String], buttons: [ApprovedButton]? = nil) {
        self.name = name
        self.language = language
        self.parameters = parameters
        self.buttons = buttons
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...512), .example(CodingKeys.name, "visit_reminder"),
            .length(CodingKeys.language, 2...12), .example(CodingKeys.language, "en_US"),
            .count(CodingKeys.parameters, 0...mostParameters),
            .elementLength(CodingKeys.parameters, 1...TemplateVariable.longestName),
            .describe(CodingKeys.parameters, "Names of variables, in the order of the places."),
            .count(CodingKeys.buttons, 1...ApprovedButton.most),
        ]
    }
}

/// A button of an approved template, and which variable it takes.
package struct ApprovedButton: Wire, Hashable {
    package static let most = 10

    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// The end of a link; also the code that an authentication template's button copies or fills in.
        case url
        /// A code that a button copies.
        case coupon
        /// What comes back when a quick reply is pressed.
        case payload
    }

    /// The button's place in the template, from 0.
    package var index: Int
    package var type: Kind
    /// The name of a variable.
    package var parameter: String

    package init(index: Int, type: Kind, parameter: String) {
        self.index = index
        self.type = type
        self.parameter = parameter
    }

    package static var limits: [Limit] {
        [.range(CodingKeys.index, 0...9), .length(CodingKeys.parameter, 1...TemplateVariable.longestName)]
    }
}

/// A push notice.
package struct PushText: Wire, Hashable {
    package static let longestTitle = 100
    package static let longestText = 1_000

    package var title: String
    package var text: String

    package init(title: String, text: String) {
        self.title = title
        self.text = text
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.title, 1...longestTitle), .length(CodingKeys.text, 1...longestText)]
    }
}
