package import Contracts
package import Core

/// A stretch of time a visit can be booked for.
package struct Slot: Wire, Hashable {
    package var doctorId: DoctorID
    package var locationId: LocationID
    package var start: Instant
    package var end: Instant

    package init(doctorId: DoctorID, locationId: LocationID, start: Instant, end: Instant) {
        self.doctorId = doctorId
        self.locationId = locationId
        self.start = start
        self.end = end
    }
}

/// All slots found; there are no further pages.
package struct SlotList: Wire, Hashable {
    package var items: [Slot]

    package init(items: [Slot]) { self.items = items }
}

/// Asks one doctor's slots.
package struct DoctorSlotsRequest: Wire {
    package var id: DoctorID
    package var service: VisitTypeID
    package var from: CalendarDate
    package var to: CalendarDate
    package var timeZone: TimeZoneName?

    package init(
        id: DoctorID,
        service: VisitTypeID,
        from: CalendarDate,
        to: CalendarDate,
        timeZone: TimeZoneName? = nil
    ) {
        self.id = id
        self.service = service
        self.from = from
        self.to = to
        self.timeZone = timeZone
    }

    package static var limits: [Limit] { SlotsRequest.words(from: CodingKeys.from, timeZone: CodingKeys.timeZone) }
}

/// Asks every doctor's slots.
package struct SlotsRequest: Wire {
    /// Most days one request may cover, both ends included.
    package static let mostDays = 62

    package var service: VisitTypeID
    package var from: CalendarDate
    package var to: CalendarDate
    package var timeZone: TimeZoneName?
    package var location: LocationID?

    package init(
        service: VisitTypeID,
        from: CalendarDate,
        to: CalendarDate,
        timeZone: TimeZoneName? = nil,
        location: LocationID? = nil
    ) {
        self.service = service
        self.from = from
        self.to = to
        self.timeZone = timeZone
        self.location = location
    }

    package static var limits: [Limit] { words(from: CodingKeys.from, timeZone: CodingKeys.timeZone) }

    fileprivate static func words(from: some CodingKey, timeZone: some CodingKey) -> [Limit] {
        [
            .describe(from, "Dates in `timeZone`, both included, at most \(mostDays) days."),
            .describe(timeZone, "The clinic's unless named."),
        ]
    }
}
