package import Contracts
package import Core

/// Who wants in.
package struct LoginRequest: Wire {
    /// Longer passwords are refused before they are hashed.
    package static let longestPassword = 256

    package var email: EmailAddress
    package var password: String
    /// The clinic whose trail records the sign-in; all of the user's clinics when absent.
    package var clinicId: ClinicID?
    /// For accounts with a second factor.
    package var totp: String?

    package init(email: EmailAddress, password: String, clinicId: ClinicID? = nil, totp: String? = nil) {
        self.email = email
        self.password = password
        self.clinicId = clinicId
        self.totp = totp
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.password, 1...longestPassword), .secret(CodingKeys.password),
            .length(CodingKeys.totp, 6...ConfirmTOTP.longestCode), .secret(CodingKeys.totp),
            .describe(CodingKeys.totp, "The six digits of the authenticator app, or a recovery code."),
        ]
    }
}

/// A refresh token to be exchanged; it is good for one exchange.
package struct RefreshRequest: Wire {
    package static let longestToken = 200

    package var refreshToken: String

    package init(refreshToken: String) { self.refreshToken = refreshToken }

    package static var limits: [Limit] {
        [.length(CodingKeys.refreshToken, 1...longestToken), .secret(CodingKeys.refreshToken)]
    }
}

/// Names the sign-in to end: by its refresh token, else the one of the caller's access token.
package struct LogoutRequest: Wire {
    package var refreshToken: String?

    package init(refreshToken: String? = nil) { self.refreshToken = refreshToken }

    package static var limits: [Limit] {
        [.length(CodingKeys.refreshToken, 1...RefreshRequest.longestToken), .secret(CodingKeys.refreshToken)]
    }
}

/// A one-time token from an invitation.
///
/// An account without a password gets this one; one that has a password is asked for it.
package struct AcceptInvitation: Wire {
    package static let shortestPassword = 10

    package var token: String
    package var password: String?
    /// For accounts with a second factor.
    package var totp: String?

    package init(token: String, password: String? = nil, totp: String? = nil) {
        self.token = token
        self.password = password
        self.totp = totp
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.token, 1...RefreshRequest.longestToken), .secret(CodingKeys.token),
            .length(CodingKeys.password, shortestPassword...LoginRequest.longestPassword),
            .secret(CodingKeys.password),
            .length(CodingKeys.totp, 6...ConfirmTOTP.longestCode), .secret(CodingKeys.totp),
        ]
    }
}

/// The tokens of a sign-in.
package struct SignedIn: Wire {
    package var accessToken: String
    package var refreshToken: String
    /// Always `Bearer`.
    package var tokenType: String
    /// Seconds until the access token expires.
    package var expiresIn: Int
    package var user: Account

    package init(accessToken: String, refreshToken: String, expiresIn: Int, user: Account) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        tokenType = "Bearer"
        self.expiresIn = expiresIn
        self.user = user
    }

    package static var limits: [Limit] {
        [.example(CodingKeys.tokenType, "Bearer"), .describe(CodingKeys.expiresIn, "Seconds.")]
    }
}

/// A person's account in this installation.
package struct Account: Wire, Hashable {
    package var id: UserID
    /// At least one of `email` and `phone`.
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var name: String
    /// A language tag (BCP 47).
    package var locale: String?
    package var createdAt: Instant

    package init(
        id: UserID,
        email: EmailAddress?,
        phone: PhoneNumber? = nil,
        name: String,
        locale: String?,
        createdAt: Instant
    ) {
        self.id = id
        self.email = email
        self.phone = phone
        self.name = name
        self.locale = locale
        self.createdAt = createdAt
    }
}

/// An open sign-in.
package struct Session: Wire, Hashable {
    package var id: SignInID
    package var createdAt: Instant
    package var lastUsedAt: Instant
    package var expiresAt: Instant
    package var address: String
    package var userAgent: String
    /// Whether the request was made with it.
    package var current: Bool

    package init(
        id: SignInID,
        createdAt: Instant,
        lastUsedAt: Instant,
        expiresAt: Instant,
        address: String,
        userAgent: String,
        current: Bool
    ) {
        self.id = id
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.expiresAt = expiresAt
        self.address = address
        self.userAgent = userAgent
        self.current = current
    }
}

/// Names a sign-in.
package struct SessionPath: Wire {
    package var id: SignInID

    package init(id: SignInID) { self.id = id }
}

/// The caller's account with all that it has been granted.
package struct Me: Wire, Hashable {
    package var user: Account
    package var memberships: [MyMembership]
    package var systemRoles: [SystemRole]
    /// The number that a code was just asked for; it is the account's once the code has come back.
    package var pendingPhone: PhoneNumber?

    package init(
        user: Account,
        memberships: [MyMembership],
        systemRoles: [SystemRole],
        pendingPhone: PhoneNumber? = nil
    ) {
        self.user = user
        self.memberships = memberships
        self.systemRoles = systemRoles
        self.pendingPhone = pendingPhone
    }

    package static var limits: [Limit] {
        [
            .describe(
                CodingKeys.pendingPhone,
                "The number that a code was just asked for; it is the account's once the code has come back."
            )
        ]
    }
}

/// The caller's place in one clinic.
package struct MyMembership: Wire, Hashable {
    package var clinicId: ClinicID
    /// The clinic's name.
    package var name: String
    package var roles: [String]
    /// Locations the roles are limited to; absent: every location.
    package var locationIds: [LocationID]?
    package var permissions: [String]
    package var patientId: PatientID?
    package var doctorId: DoctorID?

    package init(
        clinicId: ClinicID,
        name: String,
        roles: [String],
        locationIds: [LocationID]?,
        permissions: [String],
        patientId: PatientID?,
        doctorId: DoctorID?
    ) {
        self.clinicId = clinicId
        self.name = name
        self.roles = roles
        self.locationIds = locationIds
        self.permissions = permissions
        self.patientId = patientId
        self.doctorId = doctorId
    }
}

/// What people may change of their own account.
package struct MePatch: Wire {
    package var name: String?
    package var locale: Patch<String>
    /// Another number, which takes effect with the code that is sent to it, or none.
    package var phone: Patch<PhoneNumber>
    /// The code that was sent to `phone`.
    package var phoneCode: String?
    /// Asked for with a new `phone` where the account has one; not beside its code.
    package var currentPassword: String?

    package init(
        name: String? = nil,
        locale: Patch<String> = .absent,
        phone: Patch<PhoneNumber> = .absent,
        phoneCode: String? = nil,
        currentPassword: String? = nil
    ) {
        self.name = name
        self.locale = locale
        self.phone = phone
        self.phoneCode = phoneCode
        self.currentPassword = currentPassword
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Member.longestName), .length(CodingKeys.locale, 2...35),
            .describe(
                CodingKeys.phone,
                "A new number is sent a code, and takes effect with the same request that carries it; null removes it."
            ),
            .length(CodingKeys.phoneCode, CodeProof.digits...CodeProof.digits), .secret(CodingKeys.phoneCode),
            .length(CodingKeys.currentPassword, 1...LoginRequest.longestPassword),
            .secret(CodingKeys.currentPassword),
            .describe(
                CodingKeys.currentPassword,
                "Asked for with a new number where the account has a password; not beside the code."
            ),
        ]
    }
}

/// A JSON Web Key Set.
package struct KeySet: Wire, Hashable {
    package var keys: [PublicKey]

    package init(keys: [PublicKey]) { self.keys = keys }
}

/// A P-256 public key (RFC 7518 §6.2); coordinates in base64url without padding.
package struct PublicKey: Wire, Hashable {
    package var kty: String
    package var crv: String
    package var alg: String
    package var use: String
    package var kid: String
    package var x: String
    package var y: String

    package init(kid: String, x: String, y: String) {
        kty = "EC"
        crv = "P-256"
        alg = "ES256"
        use = "sig"
        self.kid = kid
        self.x = x
        self.y = y
    }
}

/// What every access token says of itself.
package enum AccessToken {
    /// Seconds until it expires.
    package static let lifetime = 900
    /// Its `aud`; its `iss` is `POLYCLINIC_PUBLIC_URL` as it is set.
    package static let audience = "polyclinic"
}

/// A page of a list without filters.
package struct ListRequest: Wire {
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(sort: TimeOrder? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "-createdAt, the newest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// A page of a list of the installation, optionally of what a word is found in.
package struct DirectoryRequest: Wire {
    /// Part of a name; of clinics also of the slug, of accounts a whole e-mail address.
    package var q: String?
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(q: String? = nil, sort: TimeOrder? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.q = q
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.q, 1...254),
            .describe(CodingKeys.q, "Part of a name; of clinics also of the slug, of accounts a whole e-mail address."),
            .describe(CodingKeys.sort, "createdAt, the oldest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}
