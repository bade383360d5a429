package import Contracts
package import Core

/// A visit type: what patients book.
package struct VisitService: Wire, Hashable {
    package static let longestName = 200
    /// Minutes of a visit.
    package static let duration: ClosedRange<Int64> = 5...480
    /// Minutes kept free before or after a visit.
    package static let buffer: ClosedRange<Int64> = 0...120

    package var id: VisitTypeID
    package var name: String
    package var minutes: Int
    package var price: Money
    package var bufferBefore: Int
    package var bufferAfter: Int
    /// How it may take place.
    package var kinds: [VisitKind]
    /// Inactive ones cannot be booked.
    package var active: Bool
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: VisitTypeID,
        name: String,
        minutes: Int,
        price: Money,
        bufferBefore: Int,
        bufferAfter: Int,
        kinds: [VisitKind],
        active: Bool,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.name = name
        self.minutes = minutes
        self.price = price
        self.bufferBefore = bufferBefore
        self.bufferAfter = bufferAfter
        self.kinds = kinds
        self.active = active
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// Where doctor and patient meet.
package enum VisitKind: String, Hashable, Sendable, Codable, CaseIterable {
    case inPerson = "in_person"
    case video
}

/// A visit type to be offered.
package struct VisitServiceDraft: Wire {
    package var name: String
    package var minutes: Int
    package var price: Money
    package var bufferBefore: Int?
    package var bufferAfter: Int?
    /// In person alone unless named.
    package var kinds: [VisitKind]?

    package init(
        name: String,
        minutes: Int,
        price: Money,
        bufferBefore: Int? = nil,
        bufferAfter: Int? = nil,
        kinds: [VisitKind]? = nil
    ) {
        self.name = name
        self.minutes = minutes
        self.price = price
        self.bufferBefore = bufferBefore
        self.bufferAfter = bufferAfter
        self.kinds = kinds
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...VisitService.longestName), .example(CodingKeys.name, "First consultation"),
            .range(CodingKeys.minutes, VisitService.duration), .example(CodingKeys.minutes, 30),
            .range(CodingKeys.bufferBefore, VisitService.buffer), .range(CodingKeys.bufferAfter, VisitService.buffer),
            .count(CodingKeys.kinds, 1...VisitKind.allCases.count),
        ]
    }
}

/// What may be changed of a visit type; visits already booked keep their terms.
package struct VisitServicePatch: Wire {
    package var id: VisitTypeID
    package var name: String?
    package var minutes: Int?
    package var price: Money?
    package var bufferBefore: Int?
    package var bufferAfter: Int?
    package var kinds: [VisitKind]?
    package var active: Bool?

    package init(
        id: VisitTypeID,
        name: String? = nil,
        minutes: Int? = nil,
        price: Money? = nil,
        bufferBefore: Int? = nil,
        bufferAfter: Int? = nil,
        kinds: [VisitKind]? = nil,
        active: Bool? = nil
    ) {
        self.id = id
        self.name = name
        self.minutes = minutes
        self.price = price
        self.bufferBefore = bufferBefore
        self.bufferAfter = bufferAfter
        self.kinds = kinds
        self.active = active
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...VisitService.longestName), .range(CodingKeys.minutes, VisitService.duration),
            .range(CodingKeys.bufferBefore, VisitService.buffer), .range(CodingKeys.bufferAfter, VisitService.buffer),
            .count(CodingKeys.kinds, 1...VisitKind.allCases.count),
        ]
    }
}

/// Names a visit type.
package struct VisitServicePath: Wire {
    package var id: VisitTypeID

    package init(id: VisitTypeID) { self.id = id }
}
