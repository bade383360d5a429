import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Appointments

/// What patients ask for by a reply is done with the visit that is meant, and told.
@Suite(.timeLimit(.minutes(2))) struct VisitCommandTests {
    let calendar: ClinicCalendar
    private let conversation = ConversationID()

    init() throws { calendar = try ClinicCalendar() }

    /// Says something, and gives what came of it; `nil` when nothing did.
    @discardableResult
    private func say(
        _ command: String?,
        choice: Int? = nil,
        about visit: Appointment? = nil,
        as patients: [PatientID],
        times: Int = 1
    ) async throws -> VisitCommandAnswered? {
        let heard = InboundMessageReceived(
            id: InboundMessageID(),
            conversationId: conversation,
            channel: .sms,
            command: command,
            choice: choice,
            appointmentId: visit?.id,
            patientIds: patients,
            receivedAt: .now()
        )
        let event = EventID()
        for _ in 0..<times { try await calendar.hear(heard, id: event) }
        let answers = try await calendar.events().filter {
            $0.name == VisitCommandAnswered.kind && $0.aggregateId == "\(heard.id)"
        }
        #expect(answers.count <= 1, "answered \(answers.count) times")
        return try answers.first?.decode(VisitCommandAnswered.self)
    }

    private func told(_ kind: String) async throws -> [EventEnvelope] {
        try await calendar.events().filter { $0.name == kind }
    }

    @Test(arguments: ["confirm", "yes"]) func aVisitIsConfirmedOnce(command: String) async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let answer = try #require(try await say(command, about: visit, as: [ready.patient.id], times: 3))
        #expect(answer.result == .confirmed && answer.appointment?.patientConfirmedAt != nil)
        #expect(answer.conversationId == conversation && answer.offers.isEmpty)
        #expect(try await calendar.present(visit).patientConfirmedAt != nil)
        // Said again it is confirmed as before.
        #expect(try await say(command, about: visit, as: [ready.patient.id])?.result == .confirmed)
        let events = try await told("appointment.confirmed")
        #expect(events.count == 1)
        #expect(try events.first?.decode(AppointmentConfirmed.self).commandId == answer.commandId)
        let entries = try await calendar.audit().filter { $0.reason == "patient_reply" }
        #expect(entries.count == 1 && entries.first?.patientId == ready.patient.id)
        #expect(entries.first?.action == "appointments:update" && entries.first?.actor.type == "system")
    }

    @Test(arguments: ["cancel", "no"]) func aVisitIsCalledOffOnce(command: String) async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let answer = try #require(try await say(command, about: visit, as: [ready.patient.id], times: 2))
        #expect(answer.result == .cancelled && answer.appointment?.status == .cancelled)
        #expect(try await calendar.present(visit).status == .cancelled)
        #expect(try await say(command, about: visit, as: [ready.patient.id])?.result == .alreadyCancelled)
        #expect(try await say("confirm", about: visit, as: [ready.patient.id])?.result == .alreadyCancelled)
        #expect(try await told("appointment.cancelled").count == 1)
        #expect(try await calendar.audit().last { $0.reason == "patient_reply" }?.action == "appointments:delete")
        // Its time is free again.
        #expect(try await calendar.visit(ready).start == visit.start)
    }

    @Test func theOnlyVisitToComeIsMeant() async throws {
        let ready = try await calendar.ready()
        let child = try await calendar.patient("Child")
        let family = [ready.patient.id, child.id]
        #expect(try await say("cancel", as: family)?.result == .noVisit)
        #expect(try await say("cancel", as: [])?.result == .noVisit)
        let visit = try await calendar.visit(ready, patient: child)
        #expect(try await say("confirm", as: family)?.appointment?.id == visit.id)
        let second = try await calendar.visit(ready, hour: 10)
        // Two could be meant now: nothing is done until the message before says which.
        #expect(try await say("cancel", as: family)?.result == .severalVisits)
        #expect(try await calendar.present(visit).status == .confirmed)
        #expect(try await calendar.present(second).status == .confirmed)
        #expect(try await say("cancel", about: second, as: family)?.appointment?.id == second.id)
        #expect(try await say("cancel", as: family)?.appointment?.id == visit.id)
    }

    @Test func nobodyActsOnAnothersVisit() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let other = try await calendar.patient("Other")
        #expect(try await say("cancel", about: visit, as: [other.id])?.result == .noVisit)
        let stranger = try ClinicCalendar()
        let foreign = InboundMessageReceived(
            id: InboundMessageID(),
            conversationId: ConversationID(),
            channel: .sms,
            command: "cancel",
            appointmentId: visit.id,
            patientIds: [ready.patient.id],
            receivedAt: .now()
        )
        try await stranger.hear(foreign)
        #expect(try await calendar.present(visit) == visit)
        #expect(try await stranger.events().map(\.name) == [VisitCommandAnswered.kind])
    }

    @Test func whatAsksNothingOfTheCalendarIsPassedOver() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        for command in [nil, "help", "stop", "start"] {
            #expect(try await say(command, about: visit, as: [ready.patient.id]) == nil)
        }
        // A bare yes or no answers what was asked, and nothing was.
        #expect(try await say("yes", as: [ready.patient.id]) == nil)
        #expect(try await say("no", as: [ready.patient.id]) == nil)
        #expect(try await say(nil, choice: 1, about: visit, as: [ready.patient.id]) == nil)
        #expect(try await calendar.present(visit) == visit)
    }

    @Test func whatHasBegunOrIsNotGrantedStays() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        try calendar.put(visit, .inProgress)
        for command in ["confirm", "cancel", "reschedule"] {
            #expect(try await say(command, about: visit, as: [ready.patient.id])?.result == .tooLate)
        }
        try calendar.put(visit, .pending)
        #expect(try await say("confirm", about: visit, as: [ready.patient.id])?.result == .notApproved)
        try calendar.put(visit, .approved)
        #expect(try await say("confirm", about: visit, as: [ready.patient.id])?.appointment?.status == .confirmed)
    }

    // MARK: - Another time

    @Test func anotherTimeIsChosenByItsNumber() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let offered = try #require(try await say("reschedule", about: visit, as: [ready.patient.id]))
        #expect(offered.result == .offered && offered.offers.count == 3)
        #expect(offered.offers.map(\.start) == offered.offers.map(\.start).sorted())
        #expect(offered.offers.allSatisfy { $0.start > .now() && $0.start != visit.start })
        #expect(try await say(nil, choice: 4, about: visit, as: [ready.patient.id]) == nil)
        let moved = try #require(try await say(nil, choice: 2, about: visit, as: [ready.patient.id], times: 2))
        #expect(moved.result == .rescheduled && moved.appointment?.start == offered.offers[1].start)
        let present = try await calendar.present(visit)
        #expect(present.start == offered.offers[1].start && present.localStart == offered.offers[1].localStart)
        #expect(present.patientConfirmedAt != nil)
        let event = try #require(try await told("appointment.rescheduled").first)
        #expect(try event.decode(AppointmentRescheduled.self).commandId == moved.commandId)
        #expect(try await told("appointment.rescheduled").count == 1)
        // The choice is made: a number means nothing any more.
        #expect(try await say(nil, choice: 1, about: visit, as: [ready.patient.id]) == nil)
    }

    @Test func whatIsTakenMeanwhileGivesWayToOthers() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let offered = try #require(try await say("reschedule", about: visit, as: [ready.patient.id])).offers
        let draft = AppointmentDraft(
            doctorId: ready.doctor.id,
            patientId: try await calendar.patient("Faster").id,
            serviceId: ready.service.id,
            start: offered[0].start,
            kind: .inPerson
        )
        #expect(try await calendar.ask(ClinicCalendar.endpoints.appointments.book, draft).status == 201)
        let again = try #require(try await say(nil, choice: 1, about: visit, as: [ready.patient.id]))
        #expect(again.result == .taken && again.offers.count == 3)
        #expect(!again.offers.map(\.start).contains(offered[0].start))
        #expect(try await calendar.present(visit).start == visit.start)
        let moved = try await say(nil, choice: 1, about: visit, as: [ready.patient.id])
        #expect(moved?.result == .rescheduled && moved?.appointment?.start == again.offers[0].start)
    }

    /// Whoever answers late moves no visit into the past, though the doctor was free then.
    @Test func whatHasPassedMeanwhileGivesWayToOthers() async throws {
        let ready = try await calendar.ready()
        try await calendar.open(ready.doctor.id, from: "00:00", to: "24:00")
        let visit = try await calendar.visit(ready)
        try await say("reschedule", about: visit, as: [ready.patient.id])
        try calendar.database.asOwner(
            """
            alter table appointments.offers no force row level security;
            update appointments.offers set starts_at = date_trunc('minute', now()) - interval '1 hour'
            where clinic_id = '\(calendar.clinic)' and number = 1;
            alter table appointments.offers force row level security
            """
        )
        let again = try #require(try await say(nil, choice: 1, about: visit, as: [ready.patient.id]))
        #expect(again.result == .taken && again.offers.count == 3)
        #expect(again.offers.allSatisfy { $0.start > .now() })
        #expect(try await calendar.present(visit) == visit)
        #expect(try await told("appointment.rescheduled").isEmpty)
        let moved = try await say(nil, choice: 1, about: visit, as: [ready.patient.id])
        #expect(moved?.result == .rescheduled && moved?.appointment?.start == again.offers[0].start)
    }

    @Test func noneOfTheTimesIsNoCancellation() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        try await say("reschedule", about: visit, as: [ready.patient.id])
        #expect(try await say("yes", about: visit, as: [ready.patient.id])?.result == .offered)
        // After an offer a no names no visit; while the offer holds it is about that.
        #expect(try await say("no", as: [ready.patient.id])?.result == .kept)
        #expect(try await calendar.present(visit) == visit)
        #expect(try await say("no", as: [ready.patient.id]) == nil)
        #expect(try await calendar.present(visit) == visit)
        #expect(try await say(nil, choice: 1, about: visit, as: [ready.patient.id]) == nil)
    }

    /// A reminder of another visit may arrive while times are offered.
    @Test func whatIsSaidOfAnotherVisitIsNotAboutTheTimes() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let other = try await calendar.visit(ready, hour: 10)
        try await say("reschedule", about: visit, as: [ready.patient.id])
        let confirmed = try #require(try await say("yes", about: other, as: [ready.patient.id]))
        #expect(confirmed.result == .confirmed && confirmed.appointment?.id == other.id)
        // Nothing is moved by a number that may not be meant for the list; it is told once more.
        let again = try #require(try await say(nil, choice: 2, about: other, as: [ready.patient.id]))
        #expect(again.result == .offered && again.appointment?.id == visit.id && again.offers.count == 3)
        let cancelled = try #require(try await say("no", about: other, as: [ready.patient.id]))
        #expect(cancelled.result == .cancelled && cancelled.appointment?.id == other.id)
        #expect(try await calendar.present(visit) == visit)
        let moved = try #require(try await say(nil, choice: 2, about: visit, as: [ready.patient.id]))
        #expect(moved.result == .rescheduled && moved.appointment?.start == again.offers[1].start)
    }

    @Test func aChoiceActsOnTheVisitAsItIsNow() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        try await say("reschedule", about: visit, as: [ready.patient.id])
        let cancel = CancelAppointment(id: visit.id)
        _ = try await calendar.ask(ClinicCalendar.endpoints.appointments.cancel, cancel)
        #expect(try await say(nil, choice: 1, about: visit, as: [ready.patient.id])?.result == .alreadyCancelled)
        let second = try await calendar.visit(ready)
        try await say("reschedule", about: second, as: [ready.patient.id])
        // The number is not the patient's any more.
        #expect(try await say(nil, choice: 1, about: second, as: [])?.result == .noVisit)
        try calendar.database.asOwner(
            """
            alter table appointments.offers no force row level security;
            update appointments.offers set expires_at = now() where clinic_id = '\(calendar.clinic)';
            alter table appointments.offers force row level security
            """
        )
        #expect(try await say(nil, choice: 1, about: second, as: [ready.patient.id]) == nil)
    }

    @Test func withoutFreeTimeNothingIsOffered() async throws {
        let ready = try await calendar.ready()
        let visit = try await calendar.visit(ready)
        let closed = AvailabilityDraft(id: ready.doctor.id, weekly: [])
        _ = try await calendar.ask(ClinicCalendar.endpoints.availability.replace, closed)
        #expect(try await say("reschedule", about: visit, as: [ready.patient.id])?.result == .noneFree)
        #expect(try await calendar.present(visit) == visit)
    }
}
