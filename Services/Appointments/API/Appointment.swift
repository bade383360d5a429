package import Contracts
package import Core

/// A booked visit.
package struct Appointment: Wire, Hashable {
    package static let longestNotes = 2_000
    package static let longestReason = 200
    /// How far ahead a visit can begin, in years: later is a mistake, and no event can name an end behind the year 9999.
    package static let mostYearsAhead = 5
    /// What a visit's beginning is asked for with.
    fileprivate static let startDescription = "A whole minute to come, at most \(mostYearsAhead) years ahead."

    package var id: AppointmentID
    package var doctorId: DoctorID
    package var patientId: PatientID
    package var serviceId: VisitTypeID
    package var locationId: LocationID
    package var kind: VisitKind
    package var status: AppointmentStatus
    package var start: Instant
    package var end: Instant
    package var minutes: Int
    /// The location's zone, in which the wall-clock time was agreed.
    package var timeZone: TimeZoneName
    /// The agreed wall-clock time: `YYYY-MM-DDTHH:MM`.
    package var localStart: String
    /// What was agreed at booking.
    package var price: Money
    package var notes: String?
    package var cancellation: Cancellation?
    /// When it was said on the patient's side that they will come; a new time begins anew.
    package var patientConfirmedAt: Instant?
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: AppointmentID,
        doctorId: DoctorID,
        patientId: PatientID,
        serviceId: VisitTypeID,
        locationId: LocationID,
        kind: VisitKind,
        status: AppointmentStatus,
        start: Instant,
        end: Instant,
        minutes: Int,
        timeZone: TimeZoneName,
        localStart: String,
        price: Money,
        notes: String?,
        cancellation: Cancellation?,
        patientConfirmedAt: Instant? = nil,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.doctorId = doctorId
        self.patientId = patientId
        self.serviceId = serviceId
        self.locationId = locationId
        self.kind = kind
        self.status = status
        self.start = start
        self.end = end
        self.minutes = minutes
        self.timeZone = timeZone
        self.localStart = localStart
        self.price = price
        self.notes = notes
        self.cancellation = cancellation
        self.patientConfirmedAt = patientConfirmedAt
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// Where an appointment stands.
package enum AppointmentStatus: String, Hashable, Sendable, Codable, CaseIterable {
    /// Asked for, and not looked at yet.
    case pending
    /// Granted; nobody has said yet that the patient will come.
    case approved
    case confirmed
    case checkedIn = "checked_in"
    case inProgress = "in_progress"
    case completed, cancelled
    case noShow = "no_show"

    /// Those in which the visit is still to come.
    package static let upcoming: [AppointmentStatus] = [.pending, .approved, .confirmed]
}

/// That and why an appointment was called off.
package struct Cancellation: Wire, Hashable {
    package var at: Instant
    package var reason: String?

    package init(at: Instant, reason: String?) {
        self.at = at
        self.reason = reason
    }
}

/// A visit to be booked.
package struct AppointmentDraft: Wire {
    package var doctorId: DoctorID
    package var patientId: PatientID
    package var serviceId: VisitTypeID
    /// Follows from the doctor's hours unless named.
    package var locationId: LocationID?
    package var start: Instant
    package var kind: VisitKind
    package var notes: String?

    package init(
        doctorId: DoctorID,
        patientId: PatientID,
        serviceId: VisitTypeID,
        locationId: LocationID? = nil,
        start: Instant,
        kind: VisitKind,
        notes: String? = nil
    ) {
        self.doctorId = doctorId
        self.patientId = patientId
        self.serviceId = serviceId
        self.locationId = locationId
        self.start = start
        self.kind = kind
        self.notes = notes
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.start, Appointment.startDescription),
            .length(CodingKeys.notes, 1...Appointment.longestNotes),
        ]
    }
}

/// Names an appointment.
package struct AppointmentPath: Wire {
    package var id: AppointmentID

    package init(id: AppointmentID) { self.id = id }
}

/// Another time for an appointment, with the same doctor.
package struct AppointmentMove: Wire {
    package var id: AppointmentID
    package var start: Instant
    /// Follows from the doctor's hours unless named.
    package var locationId: LocationID?

    package init(id: AppointmentID, start: Instant, locationId: LocationID? = nil) {
        self.id = id
        self.start = start
        self.locationId = locationId
    }

    package static var limits: [Limit] { [.describe(CodingKeys.start, Appointment.startDescription)] }
}

/// Calls an appointment off.
package struct CancelAppointment: Wire {
    package var id: AppointmentID
    package var reason: String?

    package init(id: AppointmentID, reason: String? = nil) {
        self.id = id
        self.reason = reason
    }

    package static var limits: [Limit] { [.length(CodingKeys.reason, 1...Appointment.longestReason)] }
}

/// In which order a list has visits.
package enum VisitOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case earliestFirst = "start"
    case latestFirst = "-start"
}

/// A page of appointments, earliest first unless said otherwise.
package struct AppointmentSearch: Wire {
    package var doctor: DoctorID?
    package var patient: PatientID?
    package var service: VisitTypeID?
    package var location: LocationID?
    package var status: AppointmentStatus?
    package var from: DayOrInstant?
    package var to: DayOrInstant?
    package var sort: VisitOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        doctor: DoctorID? = nil,
        patient: PatientID? = nil,
        service: VisitTypeID? = nil,
        location: LocationID? = nil,
        status: AppointmentStatus? = nil,
        from: DayOrInstant? = nil,
        to: DayOrInstant? = nil,
        sort: VisitOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.doctor = doctor
        self.patient = patient
        self.service = service
        self.location = location
        self.status = status
        self.from = from
        self.to = to
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...SearchRequest.longestCursor),
            .describe(CodingKeys.from, "Visits that end later; a date is its beginning in the clinic's time zone."),
            .describe(CodingKeys.sort, "start, the earliest first, when absent."),
            .describe(CodingKeys.to, "Visits that start earlier; a date is its end in the clinic's time zone."),
        ]
    }
}

/// A bound of a time range: a whole day of the clinic, or an exact moment.
package enum DayOrInstant: Documented, Hashable {
    case day(CalendarDate)
    case instant(Instant)

    package init?(_ text: String) {
        if let day = CalendarDate(text) {
            self = .day(day)
        } else if let instant = Instant(rfc3339: text) {
            self = .instant(instant)
        } else {
            return nil
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is neither a date nor a time")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .day(let day): try container.encode(day)
        case .instant(let instant): try container.encode(instant)
        }
    }

    package static var schema: Schema {
        .string(
            format: "date-or-date-time",
            example: "2026-11-21",
            complaint: "is neither a date YYYY-MM-DD nor an RFC 3339 time with offset",
            parses: { DayOrInstant($0) != nil }
        )
    }

    package static var placeholder: DayOrInstant { .instant(.placeholder) }
}
