import Contracts
package import Core

/// What a reader of policy knows already: the input of `access.policy.changes`.
package struct PolicyChangesQuery: Wire, Hashable {
    /// The version the reader holds; 0 asks for everything.
    package var since: Int64
    /// `next` of the page before; absent on the first.
    package var after: String?

    package init(since: Int64, after: String? = nil) {
        self.since = since
        self.after = after
    }
}

/// A page of what changed in policy since a version.
///
/// Every item is the whole present state of what it names.
package struct PolicyChanges: Wire, Hashable {
    package static let largestPage = 500

    /// As asked.
    package var since: Int64
    /// The committed version that the reader holds once the last page is taken in; that of the last page counts.
    package var version: Int64
    /// True where the reader's version cannot be built upon: everything held before is dropped at the first page.
    package var full: Bool
    package var clinics: [ClinicPolicy]
    package var users: [UserGrants]
    /// Roles that clinics made for themselves; absent in the answers of those that know of none.
    package var roles: [RolePolicy]?
    /// API keys of clinics; absent in the answers of those that know of none.
    package var apiKeys: [APIKeyGrant]?
    /// Sign-ins ended before their tokens expire.
    package var revocations: [RevokedSignIn]
    /// All keys that tokens may be signed with at present; the same on every page.
    package var keys: [VerificationKey]
    /// Where to go on; absent on the last page.
    package var next: String?

    package init(
        since: Int64,
        version: Int64,
        full: Bool = false,
        clinics: [ClinicPolicy] = [],
        users: [UserGrants] = [],
        roles: [RolePolicy] = [],
        apiKeys: [APIKeyGrant] = [],
        revocations: [RevokedSignIn] = [],
        keys: [VerificationKey] = [],
        next: String? = nil
    ) {
        self.since = since
        self.version = version
        self.full = full
        self.clinics = clinics
        self.users = users
        self.roles = roles
        self.apiKeys = apiKeys
        self.revocations = revocations
        self.keys = keys
        self.next = next
    }
}

/// Whether a clinic is open for business.
package enum ClinicStatus: String, Hashable, Sendable, Codable, CaseIterable {
    case active
    /// Nobody but system roles is let in.
    case suspended
}

/// What every process may know of a clinic.
package struct ClinicPolicy: Wire, Hashable {
    package var id: ClinicID
    package var slug: String
    package var status: ClinicStatus
    package var name: String
    package var timeZone: String

    package init(id: ClinicID, slug: String, status: ClinicStatus, name: String, timeZone: String) {
        self.id = id
        self.slug = slug
        self.status = status
        self.name = name
        self.timeZone = timeZone
    }
}

/// A role that a clinic made for itself.
package struct RolePolicy: Wire, Hashable {
    package var id: RoleID
    package var clinicId: ClinicID
    /// None once the role is deleted.
    package var permissions: [PermissionReach]

    package init(id: RoleID, clinicId: ClinicID, permissions: [PermissionReach]) {
        self.id = id
        self.clinicId = clinicId
        self.permissions = permissions
    }
}

/// All that a user has been granted.
package struct UserGrants: Wire, Hashable {
    package var id: UserID
    /// False for users deactivated or deleted: nothing they hold counts.
    package var active: Bool
    package var systemRoles: [SystemGrant]
    package var memberships: [MembershipGrant]

    package init(
        id: UserID,
        active: Bool = true,
        systemRoles: [SystemGrant] = [],
        memberships: [MembershipGrant] = []
    ) {
        self.id = id
        self.active = active
        self.systemRoles = systemRoles
        self.memberships = memberships
    }
}

/// A system role of a user.
package struct SystemGrant: Wire, Hashable {
    package var role: Role
    /// The clinics it is held in; all of them and the installation's own log when absent.
    package var clinicIds: [ClinicID]?
    /// From this moment on it counts no more.
    package var expiresAt: Instant?

    package init(role: Role, clinicIds: [ClinicID]? = nil, expiresAt: Instant? = nil) {
        self.role = role
        self.clinicIds = clinicIds
        self.expiresAt = expiresAt
    }
}

/// A user's place in one clinic.
package struct MembershipGrant: Wire, Hashable {
    package var clinicId: ClinicID
    package var roles: [RoleGrant]
    /// The user's own patient record there.
    package var patientId: PatientID?
    /// The user's own doctor record there.
    package var doctorId: DoctorID?
    /// Emergency access under way; absent for none.
    package var emergencies: [EmergencyGrant]?

    package init(
        clinicId: ClinicID,
        roles: [RoleGrant],
        patientId: PatientID? = nil,
        doctorId: DoctorID? = nil,
        emergencies: [EmergencyGrant]? = nil
    ) {
        self.clinicId = clinicId
        self.roles = roles
        self.patientId = patientId
        self.doctorId = doctorId
        self.emergencies = emergencies
    }
}

/// Emergency access of a user to one patient's record.
package struct EmergencyGrant: Wire, Hashable {
    package var id: BreakGlassID
    package var patientId: PatientID
    /// From this moment on it counts no more.
    package var expiresAt: Instant

    package init(id: BreakGlassID, patientId: PatientID, expiresAt: Instant) {
        self.id = id
        self.patientId = patientId
        self.expiresAt = expiresAt
    }
}

/// A role in a clinic, for some of its locations or all.
package struct RoleGrant: Wire, Hashable {
    package var role: RoleReference
    /// Absent: every location.
    package var locationIds: [LocationID]?

    package init(role: RoleReference, locationIds: [LocationID]? = nil) {
        self.role = role
        self.locationIds = locationIds
    }

    package init(role: Role, locationIds: [LocationID]? = nil) {
        self.init(role: .builtIn(role), locationIds: locationIds)
    }
}

/// An API key of a clinic: what it opens, and how its secret is recognised.
package struct APIKeyGrant: Wire, Hashable {
    /// A secret by its hash; the secret itself is stored nowhere.
    package struct Secret: Wire, Hashable {
        /// SHA-256 of the key as it is shown, in hexadecimal digits.
        package var hash: String
        /// From then on it is refused; absent for the present secret.
        package var until: Instant?

        package init(hash: String, until: Instant? = nil) {
            self.hash = hash
            self.until = until
        }
    }

    package var id: APIKeyID
    package var clinicId: ClinicID
    /// What a key begins with, in the clear: how it is found.
    package var prefix: String
    package var secrets: [Secret]
    package var role: RoleGrant
    package var expiresAt: Instant
    /// False once it is revoked.
    package var active: Bool

    package init(
        id: APIKeyID,
        clinicId: ClinicID,
        prefix: String,
        secrets: [Secret],
        role: RoleGrant,
        expiresAt: Instant,
        active: Bool = true
    ) {
        self.id = id
        self.clinicId = clinicId
        self.prefix = prefix
        self.secrets = secrets
        self.role = role
        self.expiresAt = expiresAt
        self.active = active
    }
}

/// A sign-in whose tokens are refused though they have not expired.
package struct RevokedSignIn: Wire, Hashable {
    package var id: SignInID
    /// After this no token of it can be valid any more, and readers forget it.
    package var until: Instant

    package init(id: SignInID, until: Instant) {
        self.id = id
        self.until = until
    }
}

/// A public key that access tokens are verified with: ES256, coordinates in base64url without padding (RFC 7518 §6.2).
package struct VerificationKey: Wire, Hashable {
    package var kid: String
    package var x: String
    package var y: String

    package init(kid: String, x: String, y: String) {
        self.kid = kid
        self.x = x
        self.y = y
    }
}
