package import Contracts
package import Core

/// What may be changed of a template: its name and category, and its draft, which is begun with what is in force.
///
/// Messages go by the name and have the category at once; what they say changes when the draft is published. Of a built-in template only `contents`. Lists are replaced, all else is merged; `null` takes a language, a channel or a
/// part away.
package struct TemplatePatch: Wire {
    package var id: TemplateID
    package var name: String?
    package var category: MessageCategory?
    package var variables: [TemplateVariable]?
    package var contents: [String: TemplateTextsPatch?]?

    package init(
        id: TemplateID,
        name: String? = nil,
        category: MessageCategory? = nil,
        variables: [TemplateVariable]? = nil,
        contents: [String: TemplateTextsPatch?]? = nil
    ) {
        self.id = id
        self.name = name
        self.category = category
        self.variables = variables
        self.contents = contents
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 2...Template.longestName),
            .count(CodingKeys.variables, 0...Template.mostVariables),
            .count(CodingKeys.contents, 0...Template.mostLanguages),
            .describe(
                CodingKeys.name,
                "In force at once: messages that ask for the former name are refused from now on."
            ), .describe(CodingKeys.category, "In force at once, for messages that name none themselves."),
            .describe(CodingKeys.variables, "In the draft; in force when it is published."),
            .describe(CodingKeys.contents, "In the draft; in force when it is published."),
        ]
    }
}

/// What may be changed of the texts of one language.
package struct TemplateTextsPatch: Wire {
    package var email: Patch<EmailTextsPatch>
    package var sms: Patch<SMSTextPatch>
    package var whatsapp: Patch<WhatsAppTextPatch>
    package var push: Patch<PushTextPatch>

    package init(
        email: Patch<EmailTextsPatch> = .absent,
        sms: Patch<SMSTextPatch> = .absent,
        whatsapp: Patch<WhatsAppTextPatch> = .absent,
        push: Patch<PushTextPatch> = .absent
    ) {
        self.email = email
        self.sms = sms
        self.whatsapp = whatsapp
        self.push = push
    }
}

/// What may be changed of an e-mail's parts.
package struct EmailTextsPatch: Wire {
    package var subject: Patch<String>
    package var text: Patch<String>
    package var html: Patch<String>

    package init(subject: Patch<String> = .absent, text: Patch<String> = .absent, html: Patch<String> = .absent) {
        self.subject = subject
        self.text = text
        self.html = html
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.subject, 1...EmailTexts.longestSubject),
            .length(CodingKeys.text, 1...EmailTexts.longestText),
            .length(CodingKeys.html, 1...EmailTexts.longestHTML),
        ]
    }
}

/// What may be changed of an SMS.
package struct SMSTextPatch: Wire {
    package var text: Patch<String>
    package var dltTemplateId: Patch<String>

    package init(text: Patch<String> = .absent, dltTemplateId: Patch<String> = .absent) {
        self.text = text
        self.dltTemplateId = dltTemplateId
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.text, 1...SMSText.longest), .length(CodingKeys.dltTemplateId, 4...50)]
    }
}

/// What may be changed of a WhatsApp message.
package struct WhatsAppTextPatch: Wire {
    package var text: Patch<String>
    package var approved: Patch<ApprovedMappingPatch>
    package var approvedByTwilio: Patch<ApprovedMappingPatch>
    package var interactive: Patch<InteractiveContent>

    package init(
        text: Patch<String> = .absent,
        approved: Patch<ApprovedMappingPatch> = .absent,
        approvedByTwilio: Patch<ApprovedMappingPatch> = .absent,
        interactive: Patch<InteractiveContent> = .absent
    ) {
        self.text = text
        self.approved = approved
        self.approvedByTwilio = approvedByTwilio
        self.interactive = interactive
    }

    package static var limits: [Limit] { [.length(CodingKeys.text, 1...SMSText.longest)] }
}

/// What may be changed of the mapping to an approved template.
package struct ApprovedMappingPatch: Wire {
    package var name: Patch<String>
    package var language: Patch<String>
    package var parameters: Patch<[String]>
    package var buttons: Patch<[ApprovedButton]>

    package init(
        name: Patch<String> = .absent,
        language: Patch<String> = .absent,
        parameters: Patch<[String]> = .absent,
        buttons: Patch<[ApprovedButton]> = .absent
    ) {
        self.name = name
        self.language = language
        self.parameters = parameters
        self.buttons = buttons
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...512), .length(CodingKeys.language, 2...12),
            .count(CodingKeys.parameters, 0...ApprovedMapping.mostParameters),
            .count(CodingKeys.buttons, 1...ApprovedButton.most),
        ]
    }
}

/// What may be changed of a push notice.
package struct PushTextPatch: Wire {
    package var title: Patch<String>
    package var text: Patch<String>

    package init(title: Patch<String> = .absent, text: Patch<String> = .absent) {
        self.title = title
        self.text = text
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.title, 1...PushText.longestTitle), .length(CodingKeys.text, 1...PushText.longestText),
        ]
    }
}
