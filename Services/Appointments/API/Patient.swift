package import Contracts
package import Core

/// Somebody the clinic cares for.
package struct Patient: Wire, Hashable {
    package static let longestName = 200

    package var id: PatientID
    /// The account the person signs in with.
    package var userId: UserID?
    package var name: String
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var birthDate: CalendarDate?
    /// A language tag (BCP 47).
    package var locale: String?
    /// Where the person usually comes; staff of other locations do not see the record.
    package var locationId: LocationID?
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: PatientID,
        userId: UserID?,
        name: String,
        email: EmailAddress?,
        phone: PhoneNumber?,
        birthDate: CalendarDate?,
        locale: String?,
        locationId: LocationID?,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.userId = userId
        self.name = name
        self.email = email
        self.phone = phone
        self.birthDate = birthDate
        self.locale = locale
        self.locationId = locationId
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// A patient to be added.
package struct PatientDraft: Wire {
    package var name: String
    package var userId: UserID?
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var birthDate: CalendarDate?
    package var locale: String?
    package var locationId: LocationID?

    package init(
        name: String,
        userId: UserID? = nil,
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        birthDate: CalendarDate? = nil,
        locale: String? = nil,
        locationId: LocationID? = nil
    ) {
        self.name = name
        self.userId = userId
        self.email = email
        self.phone = phone
        self.birthDate = birthDate
        self.locale = locale
        self.locationId = locationId
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Patient.longestName), .example(CodingKeys.name, "Mira Castellanos"),
            .length(CodingKeys.locale, 2...35), .example(CodingKeys.locale, "de-DE"),
        ]
    }
}

/// What may be changed of a patient.
///
/// Patients themselves may change neither account nor location.
package struct PatientPatch: Wire {
    package var id: PatientID
    package var name: String?
    package var userId: Patch<UserID>
    package var email: Patch<EmailAddress>
    package var phone: Patch<PhoneNumber>
    package var birthDate: Patch<CalendarDate>
    package var locale: Patch<String>
    package var locationId: Patch<LocationID>

    package init(
        id: PatientID,
        name: String? = nil,
        userId: Patch<UserID> = .absent,
        email: Patch<EmailAddress> = .absent,
        phone: Patch<PhoneNumber> = .absent,
        birthDate: Patch<CalendarDate> = .absent,
        locale: Patch<String> = .absent,
        locationId: Patch<LocationID> = .absent
    ) {
        self.id = id
        self.name = name
        self.userId = userId
        self.email = email
        self.phone = phone
        self.birthDate = birthDate
        self.locale = locale
        self.locationId = locationId
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.name, 1...Patient.longestName), .length(CodingKeys.locale, 2...35)]
    }
}

/// Names a patient.
package struct PatientPath: Wire {
    package var id: PatientID

    package init(id: PatientID) { self.id = id }
}
