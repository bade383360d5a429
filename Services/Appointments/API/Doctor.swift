package import Contracts
package import Core

/// Somebody patients can be booked with.
package struct Doctor: Wire, Hashable {
    package static let longestName = 200
    package static let longestSpecialty = 100

    package var id: DoctorID
    package var userId: UserID?
    package var name: String
    package var specialty: String?
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    /// Inactive ones offer no slots.
    package var active: Bool
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: DoctorID,
        userId: UserID?,
        name: String,
        specialty: String?,
        email: EmailAddress?,
        phone: PhoneNumber?,
        active: Bool,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.userId = userId
        self.name = name
        self.specialty = specialty
        self.email = email
        self.phone = phone
        self.active = active
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// A doctor to be added.
package struct DoctorDraft: Wire {
    package var name: String
    package var userId: UserID?
    package var specialty: String?
    package var email: EmailAddress?
    package var phone: PhoneNumber?

    package init(
        name: String,
        userId: UserID? = nil,
        specialty: String? = nil,
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil
    ) {
        self.name = name
        self.userId = userId
        self.specialty = specialty
        self.email = email
        self.phone = phone
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Doctor.longestName), .example(CodingKeys.name, "Dr. Ada Okafor"),
            .length(CodingKeys.specialty, 1...Doctor.longestSpecialty), .example(CodingKeys.specialty, "Dermatology"),
        ]
    }
}

/// What may be changed of a doctor.
package struct DoctorPatch: Wire {
    package var id: DoctorID
    package var name: String?
    package var userId: Patch<UserID>
    package var specialty: Patch<String>
    package var email: Patch<EmailAddress>
    package var phone: Patch<PhoneNumber>
    package var active: Bool?

    package init(
        id: DoctorID,
        name: String? = nil,
        userId: Patch<UserID> = .absent,
        specialty: Patch<String> = .absent,
        email: Patch<EmailAddress> = .absent,
        phone: Patch<PhoneNumber> = .absent,
        active: Bool? = nil
    ) {
        self.id = id
        self.name = name
        self.userId = userId
        self.specialty = specialty
        self.email = email
        self.phone = phone
        self.active = active
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Doctor.longestName),
            .length(CodingKeys.specialty, 1...Doctor.longestSpecialty),
        ]
    }
}

/// Names a doctor.
package struct DoctorPath: Wire {
    package var id: DoctorID

    package init(id: DoctorID) { self.id = id }
}
