import AccessAPI
import AppointmentsAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Appointments

/// Hours, slots and visits.
@Suite(.timeLimit(.minutes(2))) struct BookingTests {
    let calendar: ClinicCalendar
    let endpoints = ClinicCalendar.endpoints

    init() throws { calendar = try ClinicCalendar() }

    private func draft(
        _ ready: (doctor: Doctor, patient: Patient, service: VisitService),
        at start: Instant
    ) -> AppointmentDraft {
        AppointmentDraft(
            doctorId: ready.doctor.id,
            patientId: ready.patient.id,
            serviceId: ready.service.id,
            start: start,
            kind: .inPerson
        )
    }

    @Test func booksWhatASlotOffers() async throws {
        let ready = try await calendar.ready()
        let start = try calendar.morning()
        let date = ZoneRules.utc.local(start).date
        let request = DoctorSlotsRequest(id: ready.doctor.id, service: ready.service.id, from: date, to: date)
        let slots = try #require(try await calendar.ask(endpoints.availability.doctorSlots, request).output?.items)
        #expect(slots.count == 20)
        #expect(slots.contains { $0.start == start && $0.locationId == calendar.location })

        let booked = try await calendar.ask(endpoints.appointments.book, draft(ready, at: start))
        #expect(booked.status == 201)
        let visit = try #require(booked.output)
        #expect(visit.status == .confirmed)
        #expect(visit.localStart == "\(date)T09:00")
        #expect(visit.timeZone.name == "Europe/Berlin")
        #expect(visit.end == start + .seconds(1_800))
        #expect(visit.price == ready.service.price)

        let left = try #require(try await calendar.ask(endpoints.availability.doctorSlots, request).output?.items)
        #expect(left.count == 19)
        #expect(!left.contains { $0.start == start })

        let event = try #require(try await calendar.events().last)
        #expect(event.name == "appointment.booked")
        #expect(event.aggregateVersion == 1)
        #expect(try event.decode(AppointmentBooked.self).appointment == AppointmentState(visit))
        let entry = try #require(try await calendar.audit().last { $0.action == "appointments:create" })
        #expect(entry.patientId == ready.patient.id)
        #expect(entry.resource.id == "\(visit.id)")
    }

    @Test func aTakenSlotNamesItsNeighbours() async throws {
        let ready = try await calendar.ready()
        let start = try calendar.morning()
        #expect(try await calendar.ask(endpoints.appointments.book, draft(ready, at: start)).status == 201)
        // A visit that only overlaps is refused as well.
        for other in [start, start + .seconds(900), start - .seconds(900)] {
            let refused = try await calendar.ask(endpoints.appointments.book, draft(ready, at: other))
            #expect(refused.status == 409)
            #expect(refused.code == "slot_taken")
            guard case .array(let alternatives) = refused.problem?["alternatives"] else {
                Issue.record("no alternatives")
                return
            }
            #expect(alternatives.count == 3)
            #expect(!alternatives.contains { $0["start"]?.string == start.rfc3339 })
        }
        #expect(
            try await calendar.ask(endpoints.appointments.book, draft(ready, at: start + .seconds(1_800))).status == 201
        )
    }

    /// One slot, many callers: one visit, and every other caller is told so at once.
    @Test func oneSlotIsBookedOnce() async throws {
        let ready = try await calendar.ready()
        let start = try calendar.morning()
        let draft = draft(ready, at: start)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<300 {
                group.addTask { try await calendar.ask(endpoints.appointments.book, draft).status }
            }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(statuses == [201: 1, 409: 299])
        let visits: Int = try await calendar.database.inspect(
            "select count(*) from appointments where clinic_id = \(calendar.clinic)"
        ) { try $0[0][0] }
        #expect(visits == 1)
        #expect(try await calendar.events().filter { $0.name == "appointment.booked" }.count == 1)
    }

    /// Overlapping visits of different lengths, all at once: what was accepted never overlaps.
    @Test func whatIsAcceptedNeverOverlaps() async throws {
        let ready = try await calendar.ready()
        let long = try await calendar.service(minutes: 50, buffers: (5, 10))
        let start = try calendar.morning()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<120 {
                group.addTask {
                    var draft = draft(ready, at: start + .seconds(index % 40 * 600))
                    if index % 3 == 0 { draft.serviceId = long.id }
                    return try await calendar.ask(endpoints.appointments.book, draft).status
                }
            }
            for try await status in group { #expect(status == 201 || status == 409) }
        }
        let overlaps: Int = try await calendar.database.inspect(
            """
            select count(*) from reservations a join reservations b on a.clinic_id = b.clinic_id and a.id < b.id
            and a.resource_id = b.resource_id and a.during && b.during where a.clinic_id = \(calendar.clinic)
            """
        ) { try $0[0][0] }
        #expect(overlaps == 0)
    }

    @Test func twoDoctorsDoNotDisturbEachOther() async throws {
        let ready = try await calendar.ready()
        let second = try await calendar.doctor("Dr. Two")
        try await calendar.open(second.id)
        let start = try calendar.morning()
        var other = draft(ready, at: start)
        other.doctorId = second.id
        #expect(try await calendar.ask(endpoints.appointments.book, draft(ready, at: start)).status == 201)
        #expect(try await calendar.ask(endpoints.appointments.book, other).status == 201)
        let date = ZoneRules.utc.local(start).date
        let request = SlotsRequest(service: ready.service.id, from: date, to: date)
        #expect(try await calendar.ask(endpoints.availability.slots, request).output?.items.count == 38)
    }

    @Test func theSameKeyBooksOnce() async throws {
        let ready = try await calendar.ready()
        let draft = draft(ready, at: try calendar.morning())
        let first = try await calendar.ask(endpoints.appointments.book, draft, key: "k")
        let second = try await calendar.ask(endpoints.appointments.book, draft, key: "k")
        #expect(first.output == second.output)
        #expect(second.status == 201)
    }

    @Test func wrongInputIsTold() async throws {
        let ready = try await calendar.ready()
        var draft = draft(ready, at: try calendar.morning(inDays: -1) + .seconds(1))
        draft.doctorId = DoctorID()
        draft.patientId = PatientID()
        draft.kind = .video
        let refused = try await calendar.ask(endpoints.appointments.book, draft)
        #expect(refused.status == 422)
        #expect(
            refused.faults == [
                "/doctorId: is no doctor who can be booked", "/patientId: is no patient within reach",
                "/kind: is not how this visit takes place", "/start: lies in the past",
                "/start: must be a whole minute",
            ]
        )
        let night = try await calendar.ask(
            endpoints.appointments.book,
            self.draft(ready, at: try calendar.morning(hour: 3))
        )
        #expect(night.code == "outside_hours")
        let late = try await calendar.ask(
            endpoints.appointments.book,
            self.draft(ready, at: try calendar.morning(hour: 17, minute: 45))
        )
        #expect(late.code == "outside_hours", "a visit must end within the hours")
        var elsewhere = self.draft(ready, at: try calendar.morning())
        elsewhere.locationId = LocationID()
        #expect(try await calendar.ask(endpoints.appointments.book, elsewhere).code == "outside_hours")
    }

    /// The last visit of the year 9999 would end when no time can be written any more.
    @Test func visitsAreBookedFiveYearsAhead() async throws {
        let ready = try await calendar.ready()
        try await calendar.open(ready.doctor.id, from: "00:00", to: "24:00")
        let end = try #require(Instant(rfc3339: "9999-12-31T23:50:00Z"))
        for start in [end, try calendar.morning(inDays: 5 * 366 + 1)] {
            let refused = try await calendar.ask(endpoints.appointments.book, draft(ready, at: start))
            #expect(refused.status == 422 && refused.faults == ["/start: must not be more than 5 years ahead"])
            // Nor is it offered.
            let date = ZoneRules.utc.local(start).date
            let request = DoctorSlotsRequest(id: ready.doctor.id, service: ready.service.id, from: date, to: date)
            let slots = try await calendar.ask(endpoints.availability.doctorSlots, request).output?.items
            #expect(slots?.contains { $0.start >= start } == false)
        }
        #expect(try await calendar.events().allSatisfy { $0.name != "appointment.booked" })
        let last = draft(ready, at: try calendar.morning(inDays: 5 * 365))
        #expect(try await calendar.ask(endpoints.appointments.book, last).status == 201)
    }

    @Test func cancellingGivesTheTimeBack() async throws {
        let ready = try await calendar.ready()
        let draft = draft(ready, at: try calendar.morning())
        let visit = try #require(try await calendar.ask(endpoints.appointments.book, draft).output)
        let cancel = CancelAppointment(id: visit.id, reason: "ill")
        #expect(try await calendar.ask(endpoints.appointments.cancel, cancel, ifMatch: "\"7\"").status == 412)
        #expect(try await calendar.ask(endpoints.appointments.cancel, cancel, ifMatch: "\"1\"").status == 204)
        let again = try await calendar.ask(endpoints.appointments.cancel, cancel)
        #expect(again.code == "not_cancellable")
        let read = try await calendar.ask(endpoints.appointments.read, AppointmentPath(id: visit.id))
        #expect(read.output?.status == .cancelled)
        #expect(read.output?.cancellation?.reason == "ill")
        #expect(read.version == "\"2\"")
        let event = try #require(try await calendar.events().last)
        #expect(event.name == "appointment.cancelled")
        #expect(event.aggregateVersion == 2)
        #expect(try await calendar.ask(endpoints.appointments.book, draft).status == 201)
    }

    @Test func aDoctorWithVisitsStays() async throws {
        let ready = try await calendar.ready()
        let visit = try #require(
            try await calendar.ask(endpoints.appointments.book, draft(ready, at: try calendar.morning())).output
        )
        #expect(
            try await calendar.ask(endpoints.doctors.delete, DoctorPath(id: ready.doctor.id)).code == "doctor_in_use"
        )
        #expect(
            try await calendar.ask(endpoints.patients.delete, PatientPath(id: ready.patient.id)).code
                == "patient_in_use"
        )
        #expect(
            try await calendar.ask(endpoints.services.delete, VisitServicePath(id: ready.service.id)).code
                == "service_in_use"
        )
        _ = try await calendar.ask(endpoints.appointments.cancel, CancelAppointment(id: visit.id))
        #expect(try await calendar.ask(endpoints.doctors.delete, DoctorPath(id: ready.doctor.id)).status == 204)
    }

    @Test func listsAreFiltered() async throws {
        let ready = try await calendar.ready()
        let other = try await calendar.patient("Other")
        var visits: [Appointment] = []
        for hour in [9, 10, 11] {
            var draft = draft(ready, at: try calendar.morning(hour: hour))
            if hour == 10 { draft.patientId = other.id }
            visits.append(try #require(try await calendar.ask(endpoints.appointments.book, draft).output))
        }
        func found(_ search: AppointmentSearch) async throws -> [AppointmentID] {
            try await calendar.ask(endpoints.appointments.list, search).output?.items.map(\.id) ?? []
        }
        let ids = visits.map(\.id)
        #expect(try await found(AppointmentSearch()) == ids)
        #expect(try await found(AppointmentSearch(patient: other.id)) == [ids[1]])
        #expect(try await found(AppointmentSearch(status: .cancelled)) == [])
        #expect(try await found(AppointmentSearch(from: .instant(visits[1].end))) == [ids[2]])
        #expect(try await found(AppointmentSearch(to: .instant(visits[1].start))) == [ids[0]])
        let day = ZoneRules.utc.local(visits[0].start).date
        #expect(try await found(AppointmentSearch(from: .day(day), to: .day(day))) == ids)
        #expect(try await found(AppointmentSearch(from: .day(day.adding(days: 1)))) == [])
        let first = try await calendar.ask(endpoints.appointments.list, AppointmentSearch(limit: 2)).output
        #expect(try await found(AppointmentSearch(limit: 2, cursor: first?.nextCursor)) == [ids[2]])
        let search = AppointmentSearch(sort: .latestFirst, limit: 2)
        let last = try await calendar.ask(endpoints.appointments.list, search).output
        #expect(last?.items.map(\.id) == [ids[2], ids[1]])
        let rest = AppointmentSearch(sort: .latestFirst, limit: 2, cursor: last?.nextCursor)
        #expect(try await found(rest) == [ids[0]])
        let misused = AppointmentSearch(limit: 2, cursor: last?.nextCursor)
        #expect(try await calendar.ask(endpoints.appointments.list, misused).status == 422)
    }

    @Test func reachFollowsTheCaller() async throws {
        let ready = try await calendar.ready()
        let other = try await calendar.patient("Other")
        let start = try calendar.morning()
        let visit = try #require(try await calendar.ask(endpoints.appointments.book, draft(ready, at: start)).output)
        let path = AppointmentPath(id: visit.id)
        func status(_ scope: Scope) async throws -> Int {
            try await calendar.ask(endpoints.appointments.read, path, scope: scope).status
        }
        #expect(try await status(.own(ready.patient.id)) == 200)
        #expect(try await status(.own(other.id)) == 404)
        #expect(try await status(.treated(ready.doctor.id)) == 200)
        #expect(try await status(.treated(DoctorID())) == 404)
        #expect(try await status(.locations([calendar.location])) == 200)
        #expect(try await status(.locations([LocationID()])) == 404)
        #expect(try await status(.locations([])) == 404)
        #expect(try await status(.account) == 404)
        func listed(_ scope: Scope) async throws -> [AppointmentID] {
            let found = try await calendar.ask(endpoints.appointments.list, AppointmentSearch(), scope: scope)
            return found.output?.items.map(\.id) ?? []
        }
        #expect(try await listed(.locations([calendar.location])) == [visit.id])
        #expect(try await listed(.locations([LocationID()])).isEmpty)
        #expect(try await listed(.own(other.id)).isEmpty)
        // A patient sees that the time is taken, without seeing by whom, and books for nobody else.
        let date = ZoneRules.utc.local(start).date
        let request = DoctorSlotsRequest(id: ready.doctor.id, service: ready.service.id, from: date, to: date)
        let slots = try await calendar.ask(endpoints.availability.doctorSlots, request, scope: .own(other.id)).output
        #expect(slots?.items.count == 19)
        let foreign = draft(ready, at: start + .seconds(3_600))
        #expect(try await calendar.ask(endpoints.appointments.book, foreign, scope: .own(other.id)).status == 422)
        var own = foreign
        own.patientId = other.id
        #expect(try await calendar.ask(endpoints.appointments.book, own, scope: .own(other.id)).status == 201)
        let cancelling = CancelAppointment(id: visit.id)
        #expect(try await calendar.ask(endpoints.appointments.cancel, cancelling, scope: .own(other.id)).status == 404)
        let later = draft(ready, at: start + .seconds(7_200))
        let elsewhere = Scope.locations([LocationID()])
        #expect(try await calendar.ask(endpoints.appointments.book, later, scope: elsewhere).status == 403)
        #expect(
            try await calendar.ask(endpoints.appointments.book, later, scope: .treated(ready.doctor.id)).status == 201
        )
        let second = try await calendar.doctor("Dr. Two")
        try await calendar.open(second.id)
        var others = draft(ready, at: start)
        others.doctorId = second.id
        #expect(
            try await calendar.ask(endpoints.appointments.book, others, scope: .treated(ready.doctor.id)).status == 403
        )
        // Having been booked with them, the doctor reaches the patient.
        let patient = PatientPath(id: ready.patient.id)
        #expect(
            try await calendar.ask(endpoints.patients.read, patient, scope: .treated(ready.doctor.id)).status == 200
        )
        #expect(try await calendar.ask(endpoints.patients.read, patient, scope: .treated(DoctorID())).status == 404)
    }

    // MARK: - Hours

    @Test func hoursAreSetAndRead() async throws {
        let ready = try await calendar.ready()
        let date = try #require(CalendarDate("2030-12-24"))
        let nine = try #require(TimeOfDay("09:00"))
        let noon = try #require(TimeOfDay("12:00"))
        let draft = AvailabilityDraft(
            id: ready.doctor.id,
            weekly: [WeeklyHours(weekday: .friday, locationId: calendar.location, from: nine, to: noon)],
            exceptions: [
                DayException(date: date, hours: []),
                DayException(
                    date: date.adding(days: 1),
                    hours: [DayHours(locationId: calendar.location, from: nine, to: noon)]
                ),
            ]
        )
        let set = try await calendar.ask(endpoints.availability.replace, draft, ifMatch: "\"1\"")
        #expect(set.status == 200)
        #expect(set.version == "\"2\"")
        let read = try await calendar.ask(endpoints.availability.read, DoctorPath(id: ready.doctor.id))
        #expect(read.output?.weekly == draft.weekly)
        #expect(read.output?.exceptions == draft.exceptions)
        #expect(try await calendar.ask(endpoints.availability.replace, draft, ifMatch: "\"1\"").status == 412)
    }

    @Test func hoursWaitForTheirLocation() async throws {
        try await calendar.settle()
        let doctor = try await calendar.doctor()
        let later = LocationID()
        let draft = AvailabilityDraft(
            id: doctor.id,
            weekly: [
                WeeklyHours(
                    weekday: .monday,
                    locationId: later,
                    from: try #require(TimeOfDay("09:00")),
                    to: try #require(TimeOfDay("10:00"))
                )
            ]
        )
        let early = try await calendar.ask(endpoints.availability.replace, draft)
        #expect(early.code == "location_unknown")
        #expect(early.problem?["retryable"] == true)
        try await calendar.settle(location: later)
        #expect(try await calendar.ask(endpoints.availability.replace, draft).status == 200)
    }

    @Test func hoursAreChangedByWhoMay() async throws {
        let ready = try await calendar.ready()
        let draft = AvailabilityDraft(id: ready.doctor.id, weekly: [])
        let ask = { (scope: Scope) in
            try await calendar.ask(endpoints.availability.replace, draft, scope: scope).status
        }
        #expect(try await ask(.treated(DoctorID())) == 404)
        #expect(try await ask(.own(ready.patient.id)) == 404)
        #expect(try await ask(.treated(ready.doctor.id)) == 200)
        let date = ZoneRules.utc.local(try calendar.morning()).date
        let request = DoctorSlotsRequest(id: ready.doctor.id, service: ready.service.id, from: date, to: date)
        #expect(try await calendar.ask(endpoints.availability.doctorSlots, request).output?.items == [])
    }

    @Test(arguments: [(0, -1, "to: must not be before from"), (0, 62, "to: must be less than 62 days after from")])
    func slotsHaveBounds(_ from: Int, _ to: Int, _ fault: String) async throws {
        let ready = try await calendar.ready()
        let day = try #require(CalendarDate("2030-01-01"))
        let request = SlotsRequest(
            service: ready.service.id,
            from: day.adding(days: from),
            to: day.adding(days: to)
        )
        #expect(try await calendar.ask(endpoints.availability.slots, request).faults == [fault])
        let widest = SlotsRequest(service: ready.service.id, from: day, to: day.adding(days: 61))
        #expect(try await calendar.ask(endpoints.availability.slots, widest).output?.items.count == 62 * 20)
    }

    /// `from` and `to` are dates where the caller is: a day in Auckland begins half a day earlier than in Berlin.
    @Test func slotsAreAskedInTheCallersZone() async throws {
        let ready = try await calendar.ready()
        let day = try #require(CalendarDate("2030-01-09"))
        let auckland = TimeZoneName("Pacific/Auckland")
        let request = SlotsRequest(service: ready.service.id, from: day, to: day, timeZone: auckland)
        let slots = try #require(try await calendar.ask(endpoints.availability.slots, request).output?.items)
        #expect(slots.first?.start == Instant(rfc3339: "2030-01-08T11:00:00Z"))
        #expect(slots.last?.start == Instant(rfc3339: "2030-01-09T10:30:00Z"))
        let nowhere = SlotsRequest(service: ready.service.id, from: day, to: day, timeZone: TimeZoneName("Nowhere/X"))
        #expect(
            try await calendar.ask(endpoints.availability.slots, nowhere).faults == [
                "timeZone: is not a known time zone"
            ]
        )
    }
}
