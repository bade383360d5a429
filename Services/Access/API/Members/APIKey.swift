package import Contracts
package import Core

/// A key that a machine calls with in a clinic's name, as `Authorization: Bearer pck_…`.
package struct APIKey: Wire, Hashable {
    /// Most keys of a clinic that have neither expired nor been revoked.
    package static let mostKeys = 100
    package static let longestName = 100
    /// How long a key lives at most, in days.
    package static let longestLifetimeDays = 366
    /// How long a key lives whose expiry is not named, in days.
    package static let usualLifetimeDays = 90
    /// How long a secret goes on at most after the key has a new one: 7 days, in seconds.
    package static let longestOverlap = 7 * 24 * 3_600

    package var id: APIKeyID
    package var clinicId: ClinicID
    package var name: String
    /// What the key begins with; enough to recognise it, not to use it.
    package var prefix: String
    /// A built-in role's name, or the id of one of the clinic's own.
    package var role: String
    /// Absent: every location.
    package var locationIds: [LocationID]?
    package var createdBy: UserID
    package var createdAt: Instant
    package var expiresAt: Instant
    package var rotatedAt: Instant?
    /// To a few minutes; absent for a key never used.
    package var lastUsedAt: Instant?
    /// The key itself: only in the reply that made it, and absent when that is repeated.
    package var key: String?

    package init(
        id: APIKeyID,
        clinicId: ClinicID,
        name: String,
        prefix: String,
        role: String,
        locationIds: [LocationID]?,
        createdBy: UserID,
        createdAt: Instant,
        expiresAt: Instant,
        rotatedAt: Instant? = nil,
        lastUsedAt: Instant? = nil,
        key: String? = nil
    ) {
        self.id = id
        self.clinicId = clinicId
        self.name = name
        self.prefix = prefix
        self.role = role
        self.locationIds = locationIds
        self.createdBy = createdBy
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.rotatedAt = rotatedAt
        self.lastUsedAt = lastUsedAt
        self.key = key
    }
}

/// An API key to be made.
package struct APIKeyDraft: Wire {
    package var clinicId: ClinicID
    package var name: String
    /// A built-in role's name, or the id of one of the clinic's own; none that opens more than the caller holds.
    package var role: String
    /// Absent: every location.
    package var locationIds: [LocationID]?
    /// At most 366 days ahead; in 90 days when absent.
    package var expiresAt: Instant?

    package init(
        clinicId: ClinicID,
        name: String,
        role: String,
        locationIds: [LocationID]? = nil,
        expiresAt: Instant? = nil
    ) {
        self.clinicId = clinicId
        self.name = name
        self.role = role
        self.locationIds = locationIds
        self.expiresAt = expiresAt
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...APIKey.longestName), .length(CodingKeys.role, 1...64),
            .example(CodingKeys.role, "RECEPTIONIST"), .count(CodingKeys.locationIds, 1...Member.mostLocations),
        ]
    }
}

/// A new secret for an API key.
package struct APIKeyRotation: Wire {
    package var clinicId: ClinicID
    package var keyId: APIKeyID
    /// How long the present secret goes on.
    package var overlapSeconds: Int

    package init(clinicId: ClinicID, keyId: APIKeyID, overlapSeconds: Int) {
        self.clinicId = clinicId
        self.keyId = keyId
        self.overlapSeconds = overlapSeconds
    }

    package static var limits: [Limit] {
        [.range(CodingKeys.overlapSeconds, 0...Int64(APIKey.longestOverlap))]
    }
}

/// Names an API key.
package struct APIKeyPath: Wire {
    package var clinicId: ClinicID
    package var keyId: APIKeyID

    package init(clinicId: ClinicID, keyId: APIKeyID) {
        self.clinicId = clinicId
        self.keyId = keyId
    }
}
