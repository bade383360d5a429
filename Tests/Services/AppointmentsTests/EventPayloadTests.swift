import AppointmentsAPI
import Contracts
import Core
import TestKit
import Testing

/// The wire form of every event, as it was agreed: consumers of this and the next release read exactly this.
@Suite struct EventPayloadTests {
    private let at = Instant(seconds: 1_800_000_000)

    private func id<Tag>(_ number: UInt64) -> TypedID<Tag> {
        TypedID(high: 0x0198_C1A2_7D3E_7C4B, low: 0x9F10 << 48 | number)
    }

    private func visit() throws -> AppointmentState {
        AppointmentState(
            Appointment(
                id: id(1),
                doctorId: id(2),
                patientId: id(3),
                serviceId: id(4),
                locationId: id(5),
                kind: .inPerson,
                status: .cancelled,
                start: at,
                end: at + .seconds(1_800),
                minutes: 30,
                timeZone: try #require(TimeZoneName("Europe/Berlin")),
                localStart: "2027-01-15T09:00",
                price: Money(amount: 8_000, currency: try #require(Currency("EUR"))),
                notes: "stays here",
                cancellation: Cancellation(at: at, reason: "stays here"),
                createdAt: at,
                updatedAt: at
            )
        )
    }

    @Test func areAsAgreed() throws {
        let doctor = Doctor(
            id: id(2),
            userId: id(6),
            name: "Dr. Okafor",
            specialty: "Dermatology",
            email: EmailAddress("ada@example.org"),
            phone: PhoneNumber("+4915112345678"),
            active: true,
            createdAt: at,
            updatedAt: at
        )
        let patient = Patient(
            id: id(3),
            userId: id(7),
            name: "Mira",
            email: EmailAddress("mira@example.org"),
            phone: PhoneNumber("+4915112345679"),
            birthDate: CalendarDate("1984-03-12"),
            locale: "de-DE",
            locationId: id(5),
            createdAt: at,
            updatedAt: at
        )
        let service = VisitService(
            id: id(4),
            name: "Consultation",
            minutes: 30,
            price: Money(amount: 8_000, currency: try #require(Currency("EUR"))),
            bufferBefore: 5,
            bufferAfter: 10,
            kinds: [.inPerson, .video],
            active: true,
            createdAt: at,
            updatedAt: at
        )
        var lines = [
            try line(DoctorChanged(doctor: doctor)), try line(PatientChanged(patient: patient, deleted: true)),
            try line(ServiceChanged(service: service)),
        ]
        lines.append(try line(AppointmentBooked(appointment: visit())))
        lines.append(try line(AppointmentChanged(appointment: visit())))
        lines.append(try line(AppointmentConfirmed(appointment: visit(), commandId: id(8))))
        let former = "2027-01-14T15:30"
        lines.append(try line(AppointmentRescheduled(appointment: visit(), formerLocalStart: former)))
        lines.append(try line(AppointmentCancelled(appointment: visit())))
        let offer = OfferedTime(start: at, localStart: "2027-01-15T09:00")
        let answered = VisitCommandAnswered(
            commandId: id(8),
            conversationId: id(9),
            result: .offered,
            appointment: try visit(),
            offers: [offer]
        )
        lines.append(try line(answered))
        #expect(!lines.joined().contains("stays here"), "notes and reasons stay in the calendar")
        try Golden.check(lines.joined(separator: "\n") + "\n", "events/appointments.txt")
    }

    /// The payload behind its name; it must be read again as it was.
    private func line<P: EventPayload & Equatable>(_ payload: P) throws -> String {
        let bytes = try JSONWriter.encode(payload)
        #expect(try JSONTape(bytes).decode(P.self) == payload)
        return "\(P.kind).\(P.version) \(String(decoding: bytes, as: UTF8.self))"
    }
}
