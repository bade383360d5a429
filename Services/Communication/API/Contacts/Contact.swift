package import Contracts
package import Core

/// Names somebody who is written to; a patient's contact has the patient's id.
package struct ContactPath: Wire {
    package var contactId: ContactID

    package init(contactId: ContactID) { self.contactId = contactId }
}

/// Hours of a day in a contact's time zone; they may reach over midnight.
package struct QuietTime: Wire, Hashable {
    package var from: TimeOfDay
    package var to: TimeOfDay

    package init(from: TimeOfDay, to: TimeOfDay) {
        self.from = from
        self.to = to
    }
}

/// How messages of one category are to reach a contact.
package struct CategoryPreference: Wire, Hashable {
    package var category: MessageCategory
    /// In the order of preference.
    ///
    /// None: not at all. Absent: as the clinic chooses.
    package var channels: [MessageChannel]?
    /// When a message has to wait until they are over.
    package var quietHours: QuietTime?

    package init(category: MessageCategory, channels: [MessageChannel]? = nil, quietHours: QuietTime? = nil) {
        self.category = category
        self.channels = channels
        self.quietHours = quietHours
    }

    package static var limits: [Limit] {
        [
            .count(CodingKeys.channels, 0...MessageChannel.allCases.count),
            .describe(
                CodingKeys.channels,
                "In the order of preference; an empty list: not at all. Absent: as the clinic chooses."
            ),
        ]
    }
}

/// What a contact has said of one channel for one category, and when.
package struct Consent: Wire, Hashable {
    package var category: MessageCategory
    package var channel: MessageChannel
    package var granted: Bool
    /// Who said so: `patient` or `staff`; of an opt-out what its suppression names, such as `link` or `keyword`.
    package var source: String
    package var at: Instant

    package init(category: MessageCategory, channel: MessageChannel, granted: Bool, source: String, at: Instant) {
        self.category = category
        self.channel = channel
        self.granted = granted
        self.source = source
        self.at = at
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.source, 1...100),
            .describe(
                CodingKeys.source,
                "patient or staff; of an opt-out what its suppression names, such as link or keyword."
            ),
        ]
    }
}

/// How a contact wants to be written to.
package struct ContactPreferences: Wire, Hashable {
    package var contactId: ContactID
    package var patientId: PatientID?
    package var locale: String?
    package var timeZone: TimeZoneName?
    package var categories: [CategoryPreference]
    /// What was said last: by the choice of channels, or by an opt-out that is in force.
    package var consents: [Consent]

    package init(
        contactId: ContactID,
        patientId: PatientID?,
        locale: String?,
        timeZone: TimeZoneName?,
        categories: [CategoryPreference],
        consents: [Consent]
    ) {
        self.contactId = contactId
        self.patientId = patientId
        self.locale = locale
        self.timeZone = timeZone
        self.categories = categories
        self.consents = consents
    }

    package static var limits: [Limit] {
        [
            .describe(
                CodingKeys.consents,
                "What was said last: by the choice of channels, or by an opt-out that is in force."
            )
        ]
    }
}

/// How a contact wants to be written to from now on.
///
/// What read preferences show beside it may be sent back as it was read: the patient, and consents, which follow from the choice of
/// channels.
package struct ContactPreferencesDraft: Wire {
    package var contactId: ContactID
    package var patientId: PatientID?
    /// A language tag (BCP 47); without it the account's, else the patient record's.
    package var locale: String?
    /// Without it the account's, else the clinic's.
    package var timeZone: TimeZoneName?
    /// Each at most once; what is not listed reaches the contact as the clinic chooses, but for marketing where it was declined: who
    /// is to get it again has channels for it.
    package var categories: [CategoryPreference]
    package var consents: [Consent]?

    package init(
        contactId: ContactID,
        locale: String? = nil,
        timeZone: TimeZoneName? = nil,
        categories: [CategoryPreference]
    ) {
        self.contactId = contactId
        self.locale = locale
        self.timeZone = timeZone
        self.categories = categories
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.patientId, "As it was read: it cannot be another one."),
            .length(CodingKeys.locale, 2...35),
            .describe(
                CodingKeys.locale,
                "A language tag; without it the account's, the patient record's, then the clinic's."
            ),
            .describe(CodingKeys.timeZone, "Without it the account's, then the clinic's."),
            .count(CodingKeys.categories, 0...MessageCategory.allCases.count), .count(CodingKeys.consents, 0...16),
            .describe(
                CodingKeys.consents,
                "As they were read, or absent: they follow from the channels of categories and are not set here."
            ),
            .describe(
                CodingKeys.categories,
                """
                Each at most once; what is not listed reaches the contact as the clinic chooses. Marketing that was declined stays so \
                until channels are listed for it.
                """
            ),
        ]
    }
}

/// How contacts want to be written to.
package struct ContactPreferenceEndpoints: Sendable {
    package let read = Endpoint(
        "communication.preferences.read",
        .GET,
        "/communication/preferences/{contactId}",
        service: .communication,
        guard: .permission(CommunicationPermissions.readSuppressions),
        takes: ContactPath.self,
        gives: ContactPreferences.self,
        audit: .read,
        summary: "How a contact wants to be written to"
    )
    package let put = Endpoint(
        "communication.preferences.put",
        .PUT,
        "/communication/preferences/{contactId}",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateSuppressions),
        takes: ContactPreferencesDraft.self,
        gives: ContactPreferences.self,
        audit: .change,
        precondition: .honoured,
        summary: "Choose language, time zone, and channels and quiet hours for each category"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, put] }
}
