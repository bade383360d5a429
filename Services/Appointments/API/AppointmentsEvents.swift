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
        createdAt = appointment.createdAt
        updatedAt = appointment.updatedAt
    }
}

/// A visit was booked.
///
/// The aggregate of this and the next two kinds is the appointment.
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

/// A visit was called off.
package struct AppointmentCancelled: EventPayload, Hashable {
    package static var kind: String { "appointment.cancelled" }
    package static var category: EventCategory { .appointment }
    package static var topic: ServiceName { .appointments }

    package var appointment: AppointmentState

    package init(appointment: AppointmentState) { self.appointment = appointment }
}
