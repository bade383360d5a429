package import Contracts
package import Core

/// A place where a clinic sees patients.
package struct Location: Wire, Hashable {
    package static let longestName = 200

    package var id: LocationID
    package var clinicId: ClinicID
    package var name: String
    /// The zone its weekly hours are meant in.
    package var timeZone: TimeZoneName
    package var address: PostalAddress?
    package var phone: PhoneNumber?
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: LocationID,
        clinicId: ClinicID,
        name: String,
        timeZone: TimeZoneName,
        address: PostalAddress?,
        phone: PhoneNumber?,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.clinicId = clinicId
        self.name = name
        self.timeZone = timeZone
        self.address = address
        self.phone = phone
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// Where post arrives.
package struct PostalAddress: Wire, Hashable {
    package var lines: [String]
    package var city: String?
    package var region: String?
    package var postalCode: String?
    /// ISO 3166-1, two capital letters.
    package var country: String?

    package init(
        lines: [String],
        city: String? = nil,
        region: String? = nil,
        postalCode: String? = nil,
        country: String? = nil
    ) {
        self.lines = lines
        self.city = city
        self.region = region
        self.postalCode = postalCode
        self.country = country
    }

    package static var limits: [Limit] {
        [
            .count(CodingKeys.lines, 0...5), .length(CodingKeys.city, 1...100), .length(CodingKeys.region, 1...100),
            .length(CodingKeys.postalCode, 1...20), .length(CodingKeys.country, 2...2),
        ]
    }
}

/// A location to be added; its time zone is the clinic's unless named.
package struct LocationDraft: Wire {
    package var clinicId: ClinicID
    package var name: String
    package var timeZone: TimeZoneName?
    package var address: PostalAddress?
    package var phone: PhoneNumber?

    package init(
        clinicId: ClinicID,
        name: String,
        timeZone: TimeZoneName? = nil,
        address: PostalAddress? = nil,
        phone: PhoneNumber? = nil
    ) {
        self.clinicId = clinicId
        self.name = name
        self.timeZone = timeZone
        self.address = address
        self.phone = phone
    }

    package static var limits: [Limit] { [.length(CodingKeys.name, 1...Location.longestName)] }
}

/// What may be changed of a location.
package struct LocationPatch: Wire {
    package var clinicId: ClinicID
    package var locationId: LocationID
    package var name: String?
    package var timeZone: TimeZoneName?
    package var address: Patch<PostalAddress>
    package var phone: Patch<PhoneNumber>

    package init(
        clinicId: ClinicID,
        locationId: LocationID,
        name: String? = nil,
        timeZone: TimeZoneName? = nil,
        address: Patch<PostalAddress> = .absent,
        phone: Patch<PhoneNumber> = .absent
    ) {
        self.clinicId = clinicId
        self.locationId = locationId
        self.name = name
        self.timeZone = timeZone
        self.address = address
        self.phone = phone
    }

    package static var limits: [Limit] { [.length(CodingKeys.name, 1...Location.longestName)] }
}

/// Names a location.
package struct LocationPath: Wire {
    package var clinicId: ClinicID
    package var locationId: LocationID

    package init(clinicId: ClinicID, locationId: LocationID) {
        self.clinicId = clinicId
        self.locationId = locationId
    }
}
