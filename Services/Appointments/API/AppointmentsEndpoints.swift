package import Contracts
import Core

/// Every public operation of the appointments service.
package struct AppointmentsEndpoints: Sendable {
    package let doctors = DoctorEndpoints()
    package let patients = PatientEndpoints()
    package let services = VisitServiceEndpoints()
    package let availability = AvailabilityEndpoints()
    package let appointments = BookingEndpoints()
    package let video = VideoConfigurationEndpoints()
    package let defaultVideo = DefaultVideoProviderEndpoints()

    package init() {}

    package var all: [any EndpointDescription] {
        doctors.all + patients.all + services.all + availability.all + appointments.all + video.all + defaultVideo.all
    }
}

/// The people patients are booked with.
package struct DoctorEndpoints: Sendable {
    package let create = Endpoint(
        "appointments.doctors.create",
        .POST,
        "/doctors",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.createDoctors),
        takes: DoctorDraft.self,
        gives: Doctor.self,
        status: 201,
        audit: .change,
        errors: [ErrorCode(409, "user_taken")],
        summary: "Add a doctor"
    )
    package let list = Endpoint(
        "appointments.doctors.list",
        .GET,
        "/doctors",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readDoctors),
        takes: SearchRequest.self,
        gives: Page<Doctor>.self,
        audit: .none(because: "holds no health data"),
        summary: "The clinic's doctors"
    )
    package let read = Endpoint(
        "appointments.doctors.read",
        .GET,
        "/doctors/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readDoctors),
        takes: DoctorPath.self,
        gives: Doctor.self,
        audit: .none(because: "holds no health data"),
        summary: "One doctor"
    )
    package let update = Endpoint(
        "appointments.doctors.update",
        .PATCH,
        "/doctors/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.updateDoctors),
        takes: DoctorPatch.self,
        gives: Doctor.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "user_taken")],
        summary: "Change a doctor"
    )
    package let delete = Endpoint(
        "appointments.doctors.delete",
        .DELETE,
        "/doctors/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.deleteDoctors),
        takes: DoctorPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "doctor_in_use")],
        summary: "Remove a doctor without visits to come"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, read, update, delete] }
}

/// The people the clinic cares for.
package struct PatientEndpoints: Sendable {
    package let create = Endpoint(
        "appointments.patients.create",
        .POST,
        "/patients",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.createPatients),
        takes: PatientDraft.self,
        gives: Patient.self,
        status: 201,
        audit: .change,
        errors: [ErrorCode(409, "user_taken"), ErrorCode(409, "location_unknown")],
        summary: "Add a patient"
    )
    package let list = Endpoint(
        "appointments.patients.list",
        .GET,
        "/patients",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readPatients),
        takes: SearchRequest.self,
        gives: Page<Patient>.self,
        audit: .read,
        summary: "The patients within the caller's reach"
    )
    package let me = Endpoint(
        "appointments.patients.me",
        .GET,
        "/patients/me",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readPatients),
        takes: EmptyInput.self,
        gives: Patient.self,
        audit: .read,
        summary: "The caller's own record"
    )
    package let read = Endpoint(
        "appointments.patients.read",
        .GET,
        "/patients/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readPatients),
        takes: PatientPath.self,
        gives: Patient.self,
        audit: .read,
        summary: "One patient"
    )
    package let update = Endpoint(
        "appointments.patients.update",
        .PATCH,
        "/patients/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.updatePatients),
        takes: PatientPatch.self,
        gives: Patient.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "user_taken"), ErrorCode(409, "location_unknown")],
        summary: "Change a patient"
    )
    package let delete = Endpoint(
        "appointments.patients.delete",
        .DELETE,
        "/patients/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.deletePatients),
        takes: PatientPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "patient_in_use")],
        summary: "Remove a patient without visits to come"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, me, read, update, delete] }
}

/// What patients book.
package struct VisitServiceEndpoints: Sendable {
    package let create = Endpoint(
        "appointments.services.create",
        .POST,
        "/services",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.createServices),
        takes: VisitServiceDraft.self,
        gives: VisitService.self,
        status: 201,
        audit: .change,
        summary: "Offer a visit type"
    )
    package let list = Endpoint(
        "appointments.services.list",
        .GET,
        "/services",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readServices),
        takes: SearchRequest.self,
        gives: Page<VisitService>.self,
        audit: .none(because: "holds no health data"),
        summary: "The visit types on offer"
    )
    package let read = Endpoint(
        "appointments.services.read",
        .GET,
        "/services/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readServices),
        takes: VisitServicePath.self,
        gives: VisitService.self,
        audit: .none(because: "holds no health data"),
        summary: "One visit type"
    )
    package let update = Endpoint(
        "appointments.services.update",
        .PATCH,
        "/services/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.updateServices),
        takes: VisitServicePatch.self,
        gives: VisitService.self,
        audit: .change,
        precondition: .honoured,
        summary: "Change a visit type"
    )
    package let delete = Endpoint(
        "appointments.services.delete",
        .DELETE,
        "/services/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.deleteServices),
        takes: VisitServicePath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "service_in_use")],
        summary: "Remove a visit type without visits to come"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, read, update, delete] }
}

/// When visits can take place.
package struct AvailabilityEndpoints: Sendable {
    package let read = Endpoint(
        "appointments.availability.read",
        .GET,
        "/doctors/{id}/availability",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readAvailability),
        takes: DoctorPath.self,
        gives: Availability.self,
        audit: .none(because: "holds no health data"),
        summary: "A doctor's hours"
    )
    package let replace = Endpoint(
        "appointments.availability.replace",
        .PUT,
        "/doctors/{id}/availability",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.updateAvailability),
        takes: AvailabilityDraft.self,
        gives: Availability.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "location_unknown")],
        summary: "Set a doctor's hours"
    )
    package let doctorSlots = Endpoint(
        "appointments.slots.doctor",
        .GET,
        "/doctors/{id}/slots",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readAppointments),
        takes: DoctorSlotsRequest.self,
        gives: SlotList.self,
        audit: .none(because: "free time is no health data"),
        summary: "One doctor's free slots"
    )
    package let slots = Endpoint(
        "appointments.slots.list",
        .GET,
        "/slots",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readAppointments),
        takes: SlotsRequest.self,
        gives: SlotList.self,
        audit: .none(because: "free time is no health data"),
        summary: "Every doctor's free slots"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, replace, doctorSlots, slots] }
}

/// Visits.
package struct BookingEndpoints: Sendable {
    package let book = Endpoint(
        "appointments.appointments.book",
        .POST,
        "/appointments",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.createAppointments),
        takes: AppointmentDraft.self,
        gives: Appointment.self,
        status: 201,
        audit: .change,
        errors: [ErrorCode(409, "slot_taken"), ErrorCode(409, "outside_hours")],
        summary: "Book a visit"
    )
    package let list = Endpoint(
        "appointments.appointments.list",
        .GET,
        "/appointments",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readAppointments),
        takes: AppointmentSearch.self,
        gives: Page<Appointment>.self,
        audit: .read,
        summary: "Visits within the caller's reach"
    )
    package let read = Endpoint(
        "appointments.appointments.read",
        .GET,
        "/appointments/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.readAppointments),
        takes: AppointmentPath.self,
        gives: Appointment.self,
        audit: .read,
        summary: "One visit"
    )
    package let reschedule = Endpoint(
        "appointments.appointments.reschedule",
        .PUT,
        "/appointments/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.updateAppointments),
        takes: AppointmentMove.self,
        gives: Appointment.self,
        audit: .change,
        precondition: .honoured,
        errors: [
            ErrorCode(409, "slot_taken"), ErrorCode(409, "outside_hours"), ErrorCode(409, "not_reschedulable"),
        ],
        summary: "Move a visit to another time"
    )
    package let confirm = Endpoint(
        "appointments.appointments.confirm",
        .POST,
        "/appointments/{id}/confirm",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.updateAppointments),
        takes: AppointmentPath.self,
        gives: Appointment.self,
        audit: .change,
        body: BodyKind.none,
        precondition: .honoured,
        errors: [ErrorCode(409, "not_confirmable")],
        summary: "Note that the patient will come"
    )
    package let cancel = Endpoint(
        "appointments.appointments.cancel",
        .DELETE,
        "/appointments/{id}",
        service: .appointments,
        guard: .permission(AppointmentsPermissions.deleteAppointments),
        takes: CancelAppointment.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "not_cancellable")],
        summary: "Call a visit off"
    )

    package init() {}

    package var all: [any EndpointDescription] { [book, list, read, reschedule, confirm, cancel] }
}
