import AppointmentsAPI
import BillingAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

/// What other services tell, in whatever order and however often.
@Suite(.timeLimit(.minutes(2))) struct EventTests {
    private typealias Visit = ToldVisit

    @Test func aBookingIsConfirmedOnceWhateverComesFirst() async throws {
        try await SandboxPlace.with { sandbox in
            let visit = Visit(clinic: try TestClinic())
            try await visit.clinic.configure(.smtp(port: sandbox.smtpPort))
            let booked = AppointmentBooked(appointment: try visit.state(.confirmed))
            let id = EventID()
            try await visit.tell(booked, "\(visit.appointment)", 1, id: id)
            try await visit.tell(booked, "\(visit.appointment)", 1, id: id)
            try await visit.tellOfPeople()
            try await visit.tellOfClinic()
            try await visit.tell(booked, "\(visit.appointment)", 1, id: EventID())
            let message = try await eventually("the confirmation", within: .seconds(40)) {
                try await visit.messages().first { $0.status == .sent }
            }
            #expect(message.template == BuiltInTemplates.appointmentConfirmation && message.patientId == visit.patient)
            #expect(message.content?.text.contains("Guten Tag Asha Rao,") == true)
            // The clinic speaks German, and nothing else is known of the patient.
            #expect(
                message.content?.text.contains("22. November 2026 um 10:30 Uhr (Europe/Berlin) bei Dr. Okafor") == true
            )
            #expect(try await visit.messages().count == 1)
            #expect(try await sandbox.received(for: visit.email).count == 1)
        }
    }

    @Test func aCancellationOvertakesItsBooking() async throws {
        try await SandboxPlace.with { sandbox in
            let visit = Visit(clinic: try TestClinic())
            try await visit.clinic.configure(.smtp(port: sandbox.smtpPort))
            try await visit.tellOfPeople()
            try await visit.tellOfClinic()
            try await visit.tell(
                AppointmentCancelled(appointment: try visit.state(.cancelled)),
                "\(visit.appointment)",
                2
            )
            try await visit.tell(AppointmentBooked(appointment: try visit.state(.confirmed)), "\(visit.appointment)", 1)
            let message = try await eventually("the notice", within: .seconds(40)) {
                try await visit.messages().first { $0.status == .sent }
            }
            #expect(message.template == BuiltInTemplates.appointmentCancellation)
            #expect(try await visit.messages().count == 1)
        }
    }

    @Test func aPaidInvoiceIsThankedForOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let visit = Visit(clinic: try TestClinic())
            try await visit.clinic.configure(.smtp(port: sandbox.smtpPort))
            let total = Money(amount: 8_050, currency: try #require(Currency("EUR")))
            let nothing = Money(amount: 0, currency: total.currency)
            let now = Instant.now()
            let invoice = Invoice(
                id: InvoiceID(),
                number: "INV-2026-000001",
                status: .paid,
                patientId: visit.patient,
                appointmentId: visit.appointment,
                locationId: nil,
                lines: [],
                total: total,
                paid: total,
                due: nothing,
                issuedAt: now,
                paidAt: now,
                voidedAt: nil,
                createdAt: now,
                updatedAt: now
            )
            let id = EventID()
            for _ in 0..<2 {
                try await visit.clinic.desk.take(
                    try EventEnvelope(
                        InvoicePaid(invoice: invoice),
                        id: id,
                        clinicId: visit.clinic.clinic,
                        actor: "system",
                        at: now,
                        aggregateId: "\(invoice.id)",
                        aggregateVersion: 2
                    )
                )
            }
            try await visit.tellOfPeople()
            try await visit.tellOfClinic()
            let list = MessageListRequest(reference: "invoice:\(invoice.id)")
            let message = try await eventually("the receipt", within: .seconds(40)) {
                try await visit.clinic.ask(MessageDesk.endpoints.messages.list, list).output?.items
                    .first { $0.status == .sent }
            }
            #expect(message.category == .billing)
            #expect(message.content?.text.contains("80,50 EUR für die Rechnung INV-2026-000001") == true)
            #expect(try await sandbox.received(for: visit.email).count == 1)
        }
    }

    @Test func whatIsToldAgainIsKnownAgainAndSendsNothing() async throws {
        let visit = Visit(clinic: try TestClinic())
        let (database, clinic) = (visit.clinic.desk.database, visit.clinic.clinic)
        try await visit.clinic.configure(.smtp(port: 9))
        try await visit.tellOfPeople(version: 2)
        try await visit.tellOfClinic()
        try database.lose("known_patients", "known_doctors", "known_services", of: clinic)
        let booked = AppointmentChanged(appointment: try visit.state(.confirmed))
        try await visit.tell(booked, "\(visit.appointment)", 1, notify: false)
        try await visit.tellOfPeople(version: 2, notify: false)
        let known = try await database.inspect(
            """
            select (select count(*) from known_patients where clinic_id = \(clinic))
                + (select count(*) from known_doctors where clinic_id = \(clinic))
                + (select count(*) from known_services where clinic_id = \(clinic))
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(known == 3)
        #expect(try await visit.messages().isEmpty)
    }

    @Test func messagesAreToldAgainWithoutNotices() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var later = MessageDraft(
            to: RecipientDraft(email: EmailAddress("asha@example.com")),
            content: MessageContent(subject: "S", text: "T")
        )
        later.sendAt = .now() + .seconds(3_600)
        let waiting = try await clinic.send(later)
        let cancelled = try await clinic.send(later)
        let answer = try await clinic.ask(MessageDesk.endpoints.messages.cancel, MessagePath(id: cancelled))
        #expect(answer.status < 300)
        let tenant = Tenant(clinic.clinic, actor: "test")
        try await clinic.desk.database.database.transaction(for: tenant) { tx in
            _ = try MessageStore.resend(by: "system:test", after: nil, limit: 500, in: tx)
        }
        let told = try await clinic.desk.database.inspect(
            """
            select name, aggregate_id, aggregate_version::text from outbox
            where clinic_id = \(clinic.clinic) and part = 'events' and not notify order by position
            """
        ) { rows in try rows.map { [try $0[0], try $0[1], try $0[2]] as [String] } }
        #expect(told.map { $0[0] } == ["message.failed"])
        #expect(told.first?[1] == "\(cancelled)" && told.first?[1] != "\(waiting)")
    }

    @Test func olderVersionsAndRepetitionsTellNothing() async throws {
        let visit = Visit(clinic: try TestClinic())
        try await visit.clinic.configure(.smtp(port: 9))
        try await visit.tellOfPeople(version: 5, name: "Asha Rao")
        try await visit.tellOfPeople(version: 3, name: "Old Name")
        try await visit.tellOfClinic()
        try await visit.tell(
            AppointmentBooked(appointment: try visit.state(.confirmed)),
            "\(visit.appointment)",
            1,
            notify: false
        )
        // A message to the patient alone shows which name and address are known.
        var draft = MessageDraft(
            to: RecipientDraft(patientId: visit.patient),
            content: MessageContent(subject: "S", text: "T")
        )
        draft.sendAt = .now() + .seconds(3_600)
        let message = try await visit.clinic.message(try await visit.clinic.send(draft))
        #expect(message.to?.email?.address == visit.email)
        #expect(try await visit.messages().isEmpty)
        let names = try await visit.clinic.desk.database.inspect(
            "select count(*) from known_patients p where p::text like '%Asha%' or encode(sealed, 'escape') like '%Asha%'"
        ) { rows -> Int64 in try rows[0][0] }
        #expect(names == 0)
    }
}
