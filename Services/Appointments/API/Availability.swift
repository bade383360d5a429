package import Contracts
package import Core

/// When a doctor sees patients: weekly hours in each location's time zone, and days that differ.
package struct Availability: Wire, Hashable {
    package var doctorId: DoctorID
    package var weekly: [WeeklyHours]
    package var exceptions: [DayException]
    package var updatedAt: Instant

    package init(doctorId: DoctorID, weekly: [WeeklyHours], exceptions: [DayException], updatedAt: Instant) {
        self.doctorId = doctorId
        self.weekly = weekly
        self.exceptions = exceptions
        self.updatedAt = updatedAt
    }
}

/// One stretch of hours that comes back every week.
package struct WeeklyHours: Wire, Hashable {
    package var weekday: Weekday
    package var locationId: LocationID
    package var from: TimeOfDay
    /// Later than `from`; `24:00` is the end of the day.
    package var to: TimeOfDay

    package init(weekday: Weekday, locationId: LocationID, from: TimeOfDay, to: TimeOfDay) {
        self.weekday = weekday
        self.locationId = locationId
        self.from = from
        self.to = to
    }
}

/// A date whose hours take the place of the weekly ones; none means closed.
package struct DayException: Wire, Hashable {
    package static let mostHours = 20

    package var date: CalendarDate
    package var hours: [DayHours]

    package init(date: CalendarDate, hours: [DayHours]) {
        self.date = date
        self.hours = hours
    }

    package static var limits: [Limit] { [.count(CodingKeys.hours, 0...mostHours)] }
}

/// One stretch of hours on a certain date.
package struct DayHours: Wire, Hashable {
    package var locationId: LocationID
    package var from: TimeOfDay
    package var to: TimeOfDay

    package init(locationId: LocationID, from: TimeOfDay, to: TimeOfDay) {
        self.locationId = locationId
        self.from = from
        self.to = to
    }
}

/// A day of the week.
package enum Weekday: String, Hashable, Sendable, Codable, CaseIterable {
    case monday, tuesday, wednesday, thursday, friday, saturday, sunday

    /// 1 Monday … 7 Sunday (ISO 8601).
    package var isoNumber: Int { (Self.allCases.firstIndex(of: self) ?? 0) + 1 }

    /// `nil` outside 1 to 7.
    package init?(isoNumber: Int) {
        guard (1...7).contains(isoNumber) else { return nil }
        self = Self.allCases[isoNumber - 1]
    }
}

/// The hours that take the place of the former ones, all of them.
package struct AvailabilityDraft: Wire {
    package static let mostWeekly = 100
    package static let mostExceptions = 400

    package var id: DoctorID
    package var weekly: [WeeklyHours]
    package var exceptions: [DayException]?

    package init(id: DoctorID, weekly: [WeeklyHours], exceptions: [DayException]? = nil) {
        self.id = id
        self.weekly = weekly
        self.exceptions = exceptions
    }

    package static var limits: [Limit] {
        [.count(CodingKeys.weekly, 0...mostWeekly), .count(CodingKeys.exceptions, 0...mostExceptions)]
    }
}
