package import Contracts
package import Core

/// A clinic as it presents itself.
package struct Clinic: Wire, Hashable {
    package static let longestName = 200

    package enum Status: String, Hashable, Sendable, Codable, CaseIterable {
        case active
        /// Only system roles are let in.
        case suspended
    }

    package var id: ClinicID
    package var slug: Slug
    package var name: String
    package var timeZone: TimeZoneName
    package var currency: Currency
    /// ISO 3166-1, two capital letters.
    package var country: String
    /// A language tag (BCP 47).
    package var locale: String
    package var branding: Branding?
    package var status: Status
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: ClinicID,
        slug: Slug,
        name: String,
        timeZone: TimeZoneName,
        currency: Currency,
        country: String,
        locale: String,
        branding: Branding?,
        status: Status,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.slug = slug
        self.name = name
        self.timeZone = timeZone
        self.currency = currency
        self.country = country
        self.locale = locale
        self.branding = branding
        self.status = status
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// How a clinic looks in messages and on pages.
package struct Branding: Wire, Hashable {
    package var displayName: String?
    /// An `https` address.
    package var logoUrl: String?
    /// `#rrggbb`.
    package var color: String?

    package init(displayName: String? = nil, logoUrl: String? = nil, color: String? = nil) {
        self.displayName = displayName
        self.logoUrl = logoUrl
        self.color = color
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.displayName, 1...Clinic.longestName), .length(CodingKeys.logoUrl, 1...500),
            .length(CodingKeys.color, 7...7), .example(CodingKeys.color, "#0a7d5c"),
        ]
    }
}

/// A clinic to be made.
package struct ClinicDraft: Wire {
    package var name: String
    package var slug: Slug
    package var timeZone: TimeZoneName
    package var currency: Currency
    package var country: String
    package var locale: String?
    package var branding: Branding?

    package init(
        name: String,
        slug: Slug,
        timeZone: TimeZoneName,
        currency: Currency,
        country: String,
        locale: String? = nil,
        branding: Branding? = nil
    ) {
        self.name = name
        self.slug = slug
        self.timeZone = timeZone
        self.currency = currency
        self.country = country
        self.locale = locale
        self.branding = branding
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Clinic.longestName), .example(CodingKeys.name, "Lindenhof Practice"),
            .length(CodingKeys.country, 2...2), .example(CodingKeys.country, "DE"),
            .length(CodingKeys.locale, 2...35), .example(CodingKeys.locale, "de-DE"),
        ]
    }
}

/// What may be changed of a clinic.
package struct ClinicPatch: Wire {
    package var clinicId: ClinicID
    package var name: String?
    package var slug: Slug?
    package var timeZone: TimeZoneName?
    package var currency: Currency?
    package var country: String?
    package var locale: String?
    package var branding: Patch<Branding>

    package init(
        clinicId: ClinicID,
        name: String? = nil,
        slug: Slug? = nil,
        timeZone: TimeZoneName? = nil,
        currency: Currency? = nil,
        country: String? = nil,
        locale: String? = nil,
        branding: Patch<Branding> = .absent
    ) {
        self.clinicId = clinicId
        self.name = name
        self.slug = slug
        self.timeZone = timeZone
        self.currency = currency
        self.country = country
        self.locale = locale
        self.branding = branding
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Clinic.longestName), .length(CodingKeys.country, 2...2),
            .length(CodingKeys.locale, 2...35),
        ]
    }
}

/// Names a clinic.
package struct ClinicPath: Wire {
    package var clinicId: ClinicID

    package init(clinicId: ClinicID) { self.clinicId = clinicId }
}

/// A page of something a clinic has.
package struct ClinicListRequest: Wire {
    package var clinicId: ClinicID
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(clinicId: ClinicID, sort: TimeOrder? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.clinicId = clinicId
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "createdAt, the oldest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}
