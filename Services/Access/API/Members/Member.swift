package import Contracts
package import Core

/// Somebody's place in a clinic.
package struct Member: Wire, Hashable {
    package static let longestName = 200
    package static let mostRoles = 12
    package static let mostLocations = 200

    package enum Status: String, Hashable, Sendable, Codable, CaseIterable {
        /// The invitation is open; nothing may be done yet.
        case invited
        case active
        case suspended
    }

    /// The user's id.
    package var id: UserID
    package var clinicId: ClinicID
    /// At least one of `email` and `phone`; of who has not accepted yet, the one they were invited at.
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var name: String
    package var status: Status
    package var roles: [AssignedRole]
    /// The person's own patient record.
    package var patientId: PatientID?
    /// The person's own doctor record.
    package var doctorId: DoctorID?
    package var createdAt: Instant
    package var updatedAt: Instant
    /// Only in the reply that made it.
    package var invitation: Invitation?

    package init(
        id: UserID,
        clinicId: ClinicID,
        email: EmailAddress?,
        phone: PhoneNumber? = nil,
        name: String,
        status: Status,
        roles: [AssignedRole],
        patientId: PatientID?,
        doctorId: DoctorID?,
        createdAt: Instant,
        updatedAt: Instant,
        invitation: Invitation? = nil
    ) {
        self.id = id
        self.clinicId = clinicId
        self.email = email
        self.phone = phone
        self.name = name
        self.status = status
        self.roles = roles
        self.patientId = patientId
        self.doctorId = doctorId
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.invitation = invitation
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.email, "Of who has not accepted yet only if it is where they were invited."),
            .describe(CodingKeys.phone, "Of who has not accepted yet only if it is where they were invited."),
        ]
    }
}

/// A role in a clinic, for all its locations or for some.
package struct AssignedRole: Wire, Hashable {
    /// The name of a built-in role that is no system role, or the id of one of the clinic's own.
    package var role: String
    /// Absent: every location.
    package var locationIds: [LocationID]?

    package init(role: String, locationIds: [LocationID]? = nil) {
        self.role = role
        self.locationIds = locationIds
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.role, 1...64), .example(CodingKeys.role, "RECEPTIONIST"),
            .count(CodingKeys.locationIds, 1...Member.mostLocations),
        ]
    }
}

/// A link that lets its holder into an account once.
///
/// Whoever may invite sees it once and hands it over.
package struct Invitation: Wire, Hashable {
    /// Goes to `POST /auth/invitations/accept`; absent in a repeated reply.
    package var token: String?
    /// The same as a link for a browser.
    package var url: String?
    package var expiresAt: Instant

    package init(token: String?, url: String?, expiresAt: Instant) {
        self.token = token
        self.url = url
        self.expiresAt = expiresAt
    }
}

/// The roles that a small clinic gives a person in one go.
package enum RolePreset: String, Hashable, Sendable, Codable, CaseIterable {
    /// CLINIC_ADMIN and ACCOUNTANT.
    case owner
    /// RECEPTIONIST and INVENTORY_MANAGER.
    case staff
}

/// Somebody to be invited, with roles or a preset of them.
///
/// With an e-mail address it leads to the account, and a number beside it only carries the link; a number becomes an
/// account's own when it is proved, or when it is all there is.
package struct MemberDraft: Wire {
    package var clinicId: ClinicID
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var name: String
    package var locale: String?
    /// Exactly one of `roles` and `preset`.
    package var roles: [AssignedRole]?
    package var preset: RolePreset?

    package init(
        clinicId: ClinicID,
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        name: String,
        locale: String? = nil,
        roles: [AssignedRole]? = nil,
        preset: RolePreset? = nil
    ) {
        self.clinicId = clinicId
        self.email = email
        self.phone = phone
        self.name = name
        self.locale = locale
        self.roles = roles
        self.preset = preset
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Member.longestName), .length(CodingKeys.locale, 2...35),
            .count(CodingKeys.roles, 1...Member.mostRoles),
            .describe(CodingKeys.email, "At least one of email and phone; with both, the account is the address's."),
            .describe(CodingKeys.phone, "Carries the link; the account's own where there is no e-mail address."),
        ]
    }
}

/// What may be changed of a member.
package struct MemberPatch: Wire {
    package enum Status: String, Hashable, Sendable, Codable, CaseIterable { case active, suspended }

    package var clinicId: ClinicID
    package var userId: UserID
    package var name: String?
    package var status: Status?

    package init(clinicId: ClinicID, userId: UserID, name: String? = nil, status: Status? = nil) {
        self.clinicId = clinicId
        self.userId = userId
        self.name = name
        self.status = status
    }

    package static var limits: [Limit] { [.length(CodingKeys.name, 1...Member.longestName)] }
}

/// Names a member.
package struct MemberPath: Wire {
    package var clinicId: ClinicID
    package var userId: UserID

    package init(clinicId: ClinicID, userId: UserID) {
        self.clinicId = clinicId
        self.userId = userId
    }
}

/// A page of a clinic's people.
package struct MemberListRequest: Wire {
    package var clinicId: ClinicID
    package var role: String?
    package var status: Member.Status?
    /// The beginning of a word of the name.
    package var q: String?
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        clinicId: ClinicID,
        role: String? = nil,
        status: Member.Status? = nil,
        q: String? = nil,
        sort: TimeOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.clinicId = clinicId
        self.role = role
        self.status = status
        self.q = q
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.role, 1...64), .length(CodingKeys.q, 1...100),
            .describe(CodingKeys.sort, "createdAt, the oldest first, when absent."), .range(CodingKeys.limit, 1...200),
            .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// The roles somebody is to have in a clinic from now on.
package struct RoleAssignment: Wire {
    package var clinicId: ClinicID
    package var userId: UserID
    /// Exactly one of `roles` and `preset`.
    package var roles: [AssignedRole]?
    package var preset: RolePreset?

    package init(
        clinicId: ClinicID,
        userId: UserID,
        roles: [AssignedRole]? = nil,
        preset: RolePreset? = nil
    ) {
        self.clinicId = clinicId
        self.userId = userId
        self.roles = roles
        self.preset = preset
    }

    package static var limits: [Limit] { [.count(CodingKeys.roles, 1...Member.mostRoles)] }
}
