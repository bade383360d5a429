package import Contracts
package import Core

/// An account with the system roles it holds.
package struct SystemUser: Wire, Hashable {
    package enum Status: String, Hashable, Sendable, Codable, CaseIterable { case invited, active, disabled }

    package var id: UserID
    /// At least one of `email` and `phone`.
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var name: String
    package var status: Status
    package var systemRoles: [SystemRole]
    package var createdAt: Instant
    /// Only in the reply that made it.
    package var invitation: Invitation?

    package init(
        id: UserID,
        email: EmailAddress?,
        phone: PhoneNumber? = nil,
        name: String,
        status: Status,
        systemRoles: [SystemRole],
        createdAt: Instant,
        invitation: Invitation? = nil
    ) {
        self.id = id
        self.email = email
        self.phone = phone
        self.name = name
        self.status = status
        self.systemRoles = systemRoles
        self.createdAt = createdAt
        self.invitation = invitation
    }
}

/// A role that is held outside clinics: SUPER_ADMIN or SYSTEM_AUDITOR.
package struct SystemRole: Wire, Hashable {
    package var role: String
    /// The clinics it is held in; absent: all of them and the installation itself.
    package var clinicIds: [ClinicID]?
    package var expiresAt: Instant?

    package init(role: String, clinicIds: [ClinicID]? = nil, expiresAt: Instant? = nil) {
        self.role = role
        self.clinicIds = clinicIds
        self.expiresAt = expiresAt
    }
}

/// An account to be made for the installation.
package struct SystemUserDraft: Wire {
    package var email: EmailAddress
    package var name: String
    package var locale: String?

    package init(email: EmailAddress, name: String, locale: String? = nil) {
        self.email = email
        self.name = name
        self.locale = locale
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.name, 1...Member.longestName), .length(CodingKeys.locale, 2...35)]
    }
}

/// The system role somebody is to hold from now on; none when `role` is absent.
package struct SystemRoleAssignment: Wire {
    package static let mostClinics = 1_000

    package enum Role: String, Hashable, Sendable, Codable, CaseIterable {
        case superAdmin = "SUPER_ADMIN"
        case systemAuditor = "SYSTEM_AUDITOR"
    }

    package var userId: UserID
    package var role: Role?
    /// For SYSTEM_AUDITOR only; absent: all clinics.
    package var clinicIds: [ClinicID]?
    package var expiresAt: Instant?

    package init(userId: UserID, role: Role?, clinicIds: [ClinicID]? = nil, expiresAt: Instant? = nil) {
        self.userId = userId
        self.role = role
        self.clinicIds = clinicIds
        self.expiresAt = expiresAt
    }

    package static var limits: [Limit] { [.count(CodingKeys.clinicIds, 1...mostClinics)] }
}

/// Names an account of the installation.
package struct SystemUserPath: Wire {
    package var userId: UserID

    package init(userId: UserID) { self.userId = userId }
}
