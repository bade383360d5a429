import AppointmentsAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Appointments

/// Visits are confirmed, moved and called off by request.
@Suite(.timeLimit(.minutes(2))) struct VisitChangeTests {
    let calendar: ClinicCalendar
    let endpoints = ClinicCalendar.endpoints.appointments

    init() throws { calendar = try ClinicCalendar() }

    private func confirm(
        _ visit: Appointment,
        scope: Scope = .clinic,
        ifMatch: String? = nil,
        clinic: ClinicID? = nil
    ) async throws -> ClinicCalendar.Answer<Appointment> {
        let path = AppointmentPath(id: visit.id)
        return try await calendar.ask(endpoints.confirm, path, scope: scope, ifMatch: ifMatch, clinic: clinic)
    }

    private func move(
        _ visit: Appointment,
        to start: Instant,
        location: LocationID? = nil,
        scope: Scope = .clinic,
        ifMatch: String? = nil,
        clinic: ClinicID? = nil
    ) async throws -> ClinicCalendar.Answer<Appointment> {
        let move = AppointmentMove(id: visit.id, start: start, locationId: location)
        return try await calendar.ask(endpoints.reschedule, move, scope: scope, ifMatch: ifMatch, clinic: clinic)
    }

    @Test func aVisitIsConfirmedOnce() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        #expect(visit.patientConfirmedAt == nil)
        let first = try await confirm(visit, ifMatch: "\"1\"")
        #expect(first.status == 200 && first.version == "\"2\"")
        let confirmed = try #require(first.output)
        #expect(confirmed.status == .confirmed && confirmed.patientConfirmedAt != nil)
        #expect(try await confirm(visit).output == confirmed)
        let told = try await calendar.events().filter { $0.name == "appointment.confirmed" }
        #expect(told.count == 1 && told.first?.aggregateVersion == 2)
        #expect(try told.first?.decode(AppointmentConfirmed.self).commandId == nil)
        let entry = try #require(try await calendar.audit().last { $0.action == "appointments:update" })
        #expect(entry.patientId == ready.patient.id && entry.resource.id == "\(visit.id)")
        #expect(try await confirm(visit, ifMatch: "\"1\"").status == 412)
    }

    @Test func whatTheClinicHasGrantedIsConfirmedByThePatient() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        try calendar.put(visit, .pending)
        #expect(try await confirm(visit).code == "not_confirmable")
        try calendar.put(visit, .approved)
        #expect(try await confirm(visit, scope: .own(ready.patient.id)).output?.status == .confirmed)
        try calendar.put(visit, .completed)
        #expect(try await confirm(visit).code == "not_confirmable")
        #expect(try await move(visit, to: calendar.morning(hour: 11)).code == "not_reschedulable")
    }

    @Test func changesStayWithinReach() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let later = try calendar.morning(hour: 11)
        let other = try await calendar.patient("Other")
        for scope in [Scope.own(other.id), .treated(DoctorID()), .locations([LocationID()]), .account] {
            #expect(try await confirm(visit, scope: scope).status == 404)
            #expect(try await move(visit, to: later, scope: scope).status == 404)
        }
        let stranger = try ClinicCalendar()
        #expect(try await confirm(visit, clinic: stranger.clinic).status == 404)
        #expect(try await move(visit, to: later, clinic: stranger.clinic).status == 404)
        #expect(try await calendar.present(visit) == visit)
        #expect(try await move(visit, to: later, scope: .own(ready.patient.id)).status == 200)
        #expect(try await confirm(visit, scope: .treated(ready.doctor.id)).status == 200)
    }

    @Test func aVisitTakesItsTimeAlong() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        _ = try await confirm(visit)
        let later = try calendar.morning(hour: 11)
        let answer = try await move(visit, to: later, ifMatch: "\"2\"")
        #expect(answer.status == 200 && answer.version == "\"3\"")
        let moved = try #require(answer.output)
        #expect(moved.start == later && moved.end == later + .seconds(1_800) && moved.localStart.hasSuffix("T11:00"))
        // To another time nobody has said yet that they will come.
        #expect(moved.patientConfirmedAt == nil && moved.status == .confirmed)
        let event = try #require(try await calendar.events().last)
        let told = try event.decode(AppointmentRescheduled.self)
        #expect(told.appointment == AppointmentState(moved) && told.formerLocalStart == visit.localStart)
        // The former time is free again, the new one is not.
        #expect(try await calendar.visit(ready).start == visit.start)
        var again = AppointmentDraft(
            doctorId: ready.doctor.id,
            patientId: ready.patient.id,
            serviceId: ready.service.id,
            start: later,
            kind: .inPerson
        )
        #expect(try await calendar.ask(endpoints.book, again).code == "slot_taken")
        again.start = later + .seconds(1_800)
        #expect(try await calendar.ask(endpoints.book, again).status == 201)
        #expect(try await move(visit, to: later, ifMatch: "\"2\"").status == 412)
    }

    /// Half an hour later it overlaps nothing but itself.
    @Test func aVisitIsNotInItsOwnWay() async throws {
        let ready = try await calendar.ready(minutes: 60)
        let visit = try await calendar.visit(ready)
        #expect(try await move(visit, to: visit.start + .seconds(1_800)).status == 200)
    }

    @Test func aTakenTimeNamesItsNeighbours() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let other = try await calendar.visit(ready, hour: 10)
        for start in [other.start, other.start + .seconds(900), other.start - .seconds(900)] {
            let refused = try await move(visit, to: start)
            #expect(refused.code == "slot_taken")
            guard case .array(let alternatives) = refused.problem?["alternatives"] else {
                Issue.record("no alternatives")
                return
            }
            #expect(alternatives.count == 3)
        }
        #expect(try await move(visit, to: calendar.morning(hour: 20)).code == "outside_hours")
        #expect(try await move(visit, to: other.end, location: LocationID()).code == "outside_hours")
        #expect(try await move(visit, to: .now() - .seconds(3_600)).faults.first == "/start: lies in the past")
        #expect(try await move(visit, to: other.end + .seconds(7)).faults == ["/start: must be a whole minute"])
        #expect(try await calendar.present(visit) == visit)
    }

    @Test func visitsAreMovedFiveYearsAhead() async throws {
        let ready = try await calendar.ready()
        try await calendar.open(ready.doctor.id, from: "00:00", to: "24:00")
        let visit = try await calendar.visit(ready)
        let end = try #require(Instant(rfc3339: "9999-12-31T23:50:00Z"))
        for start in [end, try calendar.morning(inDays: 5 * 366 + 1)] {
            let refused = try await move(visit, to: start)
            #expect(refused.status == 422 && refused.faults == ["/start: must not be more than 5 years ahead"])
        }
        #expect(try await calendar.present(visit) == visit)
        let last = try calendar.morning(inDays: 5 * 365)
        #expect(try await move(visit, to: last).output?.start == last)
    }

    /// Many move into one time, and others book it: one gets it.
    @Test func oneTimeIsTakenByOne() async throws {
        let ready = try await calendar.ready(minutes: 15)
        var visits: [Appointment] = []
        for hour in 8..<16 { visits.append(try await calendar.visit(ready, hour: hour)) }
        let wanted = try calendar.morning(hour: 17)
        let draft = AppointmentDraft(
            doctorId: ready.doctor.id,
            patientId: ready.patient.id,
            serviceId: ready.service.id,
            start: wanted,
            kind: .inPerson
        )
        let (all, endpoints, calendar) = (visits, endpoints, calendar)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for visit in all {
                group.addTask { try await move(visit, to: wanted).status }
                group.addTask { try await calendar.ask(endpoints.book, draft).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 409 } == 15 && statuses.count { $0 == 200 || $0 == 201 } == 1)
        let overlaps: Int = try await calendar.database.inspect(
            """
            select count(*) from reservations a join reservations b on a.clinic_id = b.clinic_id and a.id < b.id
            and a.resource_id = b.resource_id and a.during && b.during where a.clinic_id = \(calendar.clinic)
            and not a.released and not b.released
            """
        ) { try $0[0][0] }
        #expect(overlaps == 0)
    }

    @Test func whatIsCalledOffIsNeitherMovedNorConfirmed() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let cancelled = try await calendar.ask(endpoints.cancel, CancelAppointment(id: visit.id, reason: "ill"))
        #expect(cancelled.status == 204)
        #expect(try await confirm(visit).code == "not_confirmable")
        #expect(try await move(visit, to: calendar.morning(hour: 11)).code == "not_reschedulable")
        let again = try await calendar.ask(endpoints.cancel, CancelAppointment(id: visit.id))
        #expect(again.code == "not_cancellable")
        #expect(try await calendar.present(visit).cancellation?.reason == "ill")
    }
}
