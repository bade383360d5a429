package import Contracts
package import Core

/// A doctor's whole public state after a change.
///
/// The aggregate is the doctor.
package struct DoctorChanged: EventPayload, Hashable {
    package static var kind: String { "doctor.changed" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var doctor: Doctor
    /// True once removed; the state is the last one.
    package var deleted: Bool

    package init(doctor: Doctor, deleted: Bool = false) {
        self.doctor = doctor
        self.deleted = deleted
    }
}

/// A patient's whole public state after a change.
///
/// The aggregate is the patient.
package struct PatientChanged: EventPayload, Hashable {
    package static var kind: String { "patient.changed" }
    package static var category: EventCategory { .ehrRecord }
    package static var topic: ServiceName { .appointments }

    package var patient: Patient
    package var deleted: Bool

    package init(patient: Patient, deleted: Bool = false) {
        self.patient = patient
        self.deleted = deleted
    }
}

/// A visit type's whole public state after a change.
///
/// The aggregate is the visit type.
package struct ServiceChanged: EventPayload, Hashable {
    package static var kind: String { "service.changed" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var service: VisitService
    package var deleted: Bool

    package init(service: VisitService, deleted: Bool = false) {
        self.service = service
        self.deleted = deleted
    }
}

/// An appointment without its notes, which stay in the calendar.
package struct AppointmentState: Wire, Hashable {
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
    package var timeZone: TimeZoneName
    /// `YYYY-MM-DDTHH:MM` in `timeZone`.
    package var localStart: String
    package var price: Money
    package var cancelledAt: Instant?
    package var patientConfirmedAt: Instant?
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(_ appointment: Appointment) {
        id = appointment.id
        doctorId = appointment.doctorId
        patientId = appointment.patientId
        serviceId = appointment.serviceId
        locationId = appointment.locationId
        kind = appointment.kind
        status = appointment.status
        start = appointment.start
        end = appointment.end
        minutes = appointment.minutes
        timeZone = appointment.timeZone
        localStart = appointment.localStart
        price = appointment.price
        cancelledAt = appointment.cancellation?.at
        patientConfirmedAt = appointment.patientConfirmedAt
        createdAt = appointment.createdAt
        updatedAt = appointment.updatedAt
    }
}

/// A visit was booked.
///
/// The aggregate of this and the next kinds but the last is the appointment.
package struct AppointmentBooked: EventPayload, Hashable {
    package static var kind: String { "appointment.booked" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var appointment: AppointmentState

    package init(appointment: AppointmentState) { self.appointment = appointment }
}

/// A visit's present state, when nothing else happened to it than that it is told again.
package struct AppointmentChanged: EventPayload, Hashable {
    package static var kind: String { "appointment.changed" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var appointment: AppointmentState

    package init(appointment: AppointmentState) { self.appointment = appointment }
}

/// It was said on the patient's side that they will come.
package struct AppointmentConfirmed: EventPayload, Hashable {
    package static var kind: String { "appointment.confirmed" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var appointment: AppointmentState
    /// The patient's message that asked for it; whoever wrote it is answered there.
    package var commandId: InboundMessageID?

    package init(appointment: AppointmentState, commandId: InboundMessageID? = nil) {
        self.appointment = appointment
        self.commandId = commandId
    }
}

/// A visit has another time.
package struct AppointmentRescheduled: EventPayload, Hashable {
    package static var kind: String { "appointment.rescheduled" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var appointment: AppointmentState
    /// When it was to begin until now: `YYYY-MM-DDTHH:MM` in the zone of the place it was at.
    package var formerLocalStart: String
    /// The patient's message that asked for it; whoever wrote it is answered there.
    package var commandId: InboundMessageID?

    package init(appointment: AppointmentState, formerLocalStart: String, commandId: InboundMessageID? = nil) {
        self.appointment = appointment
        self.formerLocalStart = formerLocalStart
        self.commandId = commandId
    }
}

/// A visit was called off.
package struct AppointmentCancelled: EventPayload, Hashable {
    package static var kind: String { "appointment.cancelled" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var appointment: AppointmentState
    /// The patient's message that asked for it; whoever wrote it is answered there.
    package var commandId: InboundMessageID?

    package init(appointment: AppointmentState, commandId: InboundMessageID? = nil) {
        self.appointment = appointment
        self.commandId = commandId
    }
}

/// What came of a patient's message that asked for something to be done with a visit.
///
/// The aggregate is the message.
package struct VisitCommandAnswered: EventPayload, Hashable {
    package static var kind: String { "visit_command.answered" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var commandId: InboundMessageID
    package var conversationId: ConversationID
    package var result: VisitCommandResult
    /// The visit as it stands now, where it is known which is meant.
    package var appointment: AppointmentState?
    /// Times to choose from by their number, the first being 1.
    package var offers: [OfferedTime]

    package init(
        commandId: InboundMessageID,
        conversationId: ConversationID,
        result: VisitCommandResult,
        appointment: AppointmentState? = nil,
        offers: [OfferedTime] = []
    ) {
        self.commandId = commandId
        self.conversationId = conversationId
        self.result = result
        self.appointment = appointment
        self.offers = offers
    }
}

/// What came of it.
package enum VisitCommandResult: String, Hashable, Sendable, Codable, CaseIterable {
    case confirmed, cancelled, rescheduled
    /// The visit stays as it was.
    case kept
    /// There are times to choose from.
    case offered
    /// The time that was chosen was given to somebody else, or has passed; there are others to choose from.
    case taken
    /// There is no free time to choose from.
    case noneFree = "none_free"
    case alreadyCancelled = "already_cancelled"
    /// The visit has begun, or is over.
    case tooLate = "too_late"
    /// The clinic has not approved the visit yet.
    case notApproved = "not_approved"
    /// The sender has no visit to come.
    case noVisit = "no_visit"
    /// The sender has several visits to come, and nothing says which is meant.
    case severalVisits = "several_visits"
}

/// A time that somebody may choose.
package struct OfferedTime: Wire, Hashable {
    package var start: Instant
    /// `YYYY-MM-DDTHH:MM` where the visit takes place.
    package var localStart: String

    package init(start: Instant, localStart: String) {
        self.start = start
        self.localStart = localStart
    }
}
