import AccessAPI
import AppointmentsAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Appointments

/// What access tells, in whatever order and however often.
@Suite(.timeLimit(.minutes(1))) struct AccessEventTests {
    let calendar: ClinicCalendar

    init() throws { calendar = try ClinicCalendar() }

    private func location(_ zone: String) throws -> Location {
        Location(
            id: calendar.location,
            clinicId: calendar.clinic,
            name: zone,
            timeZone: try #require(TimeZoneName(zone)),
            address: nil,
            phone: nil,
            createdAt: .now(),
            updatedAt: .now()
        )
    }

    private func zone() async throws -> String? {
        try await calendar.database.inspect(
            "select time_zone from locations where clinic_id = \(calendar.clinic) and id = \(calendar.location) and not deleted"
        ) { rows in try rows.first.map { try $0[0] } }
    }

    @Test func anOlderStateChangesNothing() async throws {
        try await calendar.tell(LocationChanged(location: try location("Asia/Kolkata")), "\(calendar.location)", 5)
        try await calendar.tell(LocationChanged(location: try location("Europe/Berlin")), "\(calendar.location)", 4)
        #expect(try await zone() == "Asia/Kolkata")
        try await calendar.tell(LocationChanged(location: try location("Europe/Paris")), "\(calendar.location)", 6)
        #expect(try await zone() == "Europe/Paris")
    }

    @Test func aRepeatedEventChangesNothing() async throws {
        let id = EventID()
        let state = LocationChanged(location: try location("Asia/Kolkata"))
        for _ in 0..<3 { try await calendar.tell(state, "\(calendar.location)", 1, id: id) }
        #expect(try await zone() == "Asia/Kolkata")
    }

    @Test func aRemovedLocationOffersNothing() async throws {
        let ready = try await calendar.ready()
        let state = LocationChanged(location: try location("Europe/Berlin"), deleted: true)
        try await calendar.tell(state, "\(calendar.location)", 2)
        #expect(try await zone() == nil)
        let date = ZoneRules.utc.local(try calendar.morning()).date
        let request = DoctorSlotsRequest(id: ready.doctor.id, service: ready.service.id, from: date, to: date)
        let slots = try await calendar.ask(ClinicCalendar.endpoints.availability.doctorSlots, request).output
        #expect(slots?.items == [])
    }

    @Test func whatIsToldAgainIsKnownAgain() async throws {
        try await calendar.settle(version: 3)
        try calendar.database.lose("locations", "clinics", of: calendar.clinic)
        try await calendar.settle(version: 3, notify: false)
        #expect(try await zone() == "Europe/Berlin")
    }

    @Test func whoIsRemovedIsToldToBe() async throws {
        let patient = try await calendar.patient()
        let gone = try await calendar.ask(ClinicCalendar.endpoints.patients.delete, PatientPath(id: patient.id))
        #expect(gone.status == 204)
        let before = try await calendar.events().count
        try await calendar.database.database.transaction(for: Tenant(calendar.clinic, actor: "test")) { tx in
            for list in Resending.lists { _ = try list(nil, 500, tx) }
        }
        let told = try #require(try await calendar.events().dropFirst(before).first)
        #expect(told.aggregateVersion == 2 && !told.notify)
        #expect(try told.decode(PatientChanged.self).deleted)
    }

    @Test func resendingTellsThePresentStateWithoutNotices() async throws {
        let ready = try await calendar.ready()
        let draft = AppointmentDraft(
            doctorId: ready.doctor.id,
            patientId: ready.patient.id,
            serviceId: ready.service.id,
            start: try calendar.morning(),
            kind: .inPerson
        )
        let visit = try #require(try await calendar.ask(ClinicCalendar.endpoints.appointments.book, draft).output)
        let before = try await calendar.events().count
        try await calendar.database.database.transaction(for: Tenant(calendar.clinic, actor: "test")) { tx in
            for list in Resending.lists { _ = try list(nil, 500, tx) }
        }
        let sent = try await calendar.events().dropFirst(before)
        #expect(
            sent.map(\.name) == ["doctor.changed", "patient.changed", "service.changed", "appointment.changed"]
        )
        #expect(sent.allSatisfy { !$0.notify })
        let last = try #require(sent.last)
        #expect(try last.decode(AppointmentChanged.self).appointment == AppointmentState(visit))
    }
}
