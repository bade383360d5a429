import AccessAPI
import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication

/// A visit as other services tell of it, in whatever order and however often.
struct ToldVisit: Sendable {
    let clinic: TestClinic
    var doctor = DoctorID()
    var patient = PatientID()
    var service = VisitTypeID()
    var appointment = AppointmentID()
    /// When it begins.
    var start = Instant.now() + .seconds(86_400)
    var phone: PhoneNumber?
    var localStart = "2026-11-22T10:30"

    var email: String { "v\(patient.low)@example.com" }

    func tell(
        _ payload: some EventPayload,
        _ aggregate: String,
        _ version: Int64,
        id: EventID = EventID(),
        notify: Bool = true
    )
        async throws
    {
        let event = try EventEnvelope(
            payload,
            id: id,
            clinicId: clinic.clinic,
            actor: "user:1",
            at: .now(),
            aggregateId: aggregate,
            aggregateVersion: version,
            notify: notify
        )
        try await clinic.desk.take(event)
    }

    func tellOfClinic() async throws {
        let now = Instant.now()
        let state = Clinic(
            id: clinic.clinic,
            slug: try #require(Slug("clinic")),
            name: "Lindenhof",
            timeZone: try #require(TimeZoneName("Europe/Berlin")),
            currency: try #require(Currency("EUR")),
            country: "DE",
            locale: "de-DE",
            branding: nil,
            status: .active,
            createdAt: now,
            updatedAt: now
        )
        try await clinic.desk.take(
            try EventEnvelope(
                ClinicChanged(clinic: state),
                clinicId: clinic.clinic,
                actor: "user:1",
                at: now,
                aggregateId: "\(clinic.clinic)",
                aggregateVersion: 1
            )
        )
    }

    func tellOfPeople(version: Int64 = 1, name: String = "Asha Rao", notify: Bool = true) async throws {
        let now = Instant.now()
        try await tell(
            DoctorChanged(
                doctor: Doctor(
                    id: doctor,
                    userId: nil,
                    name: "Dr. Okafor",
                    specialty: nil,
                    email: nil,
                    phone: nil,
                    active: true,
                    createdAt: now,
                    updatedAt: now
                )
            ),
            "\(doctor)",
            version,
            notify: notify
        )
        try await tell(
            PatientChanged(
                patient: Patient(
                    id: patient,
                    userId: nil,
                    name: name,
                    email: EmailAddress(email),
                    phone: phone,
                    birthDate: nil,
                    locale: nil,
                    locationId: nil,
                    createdAt: now,
                    updatedAt: now
                )
            ),
            "\(patient)",
            version,
            notify: notify
        )
        try await tell(
            ServiceChanged(
                service: VisitService(
                    id: service,
                    name: "Consultation",
                    minutes: 30,
                    price: Money(amount: 1, currency: try #require(Currency("EUR"))),
                    bufferBefore: 0,
                    bufferAfter: 0,
                    kinds: [.inPerson],
                    active: true,
                    createdAt: now,
                    updatedAt: now
                )
            ),
            "\(service)",
            version,
            notify: notify
        )
    }

    func state(_ status: AppointmentStatus) throws -> AppointmentState {
        AppointmentState(
            Appointment(
                id: appointment,
                doctorId: doctor,
                patientId: patient,
                serviceId: service,
                locationId: LocationID(),
                kind: .inPerson,
                status: status,
                start: start,
                end: start + .seconds(1_800),
                minutes: 30,
                timeZone: try #require(TimeZoneName("Europe/Berlin")),
                localStart: localStart,
                price: Money(amount: 1, currency: try #require(Currency("EUR"))),
                notes: nil,
                cancellation: nil,
                createdAt: .now(),
                updatedAt: .now()
            )
        )
    }

    func messages() async throws -> [Message] {
        try #require(
            try await clinic.ask(
                MessageDesk.endpoints.messages.list,
                MessageListRequest(reference: "appointment:\(appointment)")
            ).output
        ).items
    }
}
