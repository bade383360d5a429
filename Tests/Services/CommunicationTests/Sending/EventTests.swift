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

    private func invoice(_ visit: Visit, _ status: InvoiceStatus) throws -> Invoice {
        let total = Money(amount: 8_050, currency: try #require(Currency("EUR")))
        let nothing = Money(amount: 0, currency: total.currency)
        let now = Instant.now()
        return Invoice(
            id: InvoiceID(),
            number: "INV-2026-000001",
            status: status,
            patientId: visit.patient,
            appointmentId: visit.appointment,
            locationId: nil,
            lines: [],
            total: total,
            paid: status == .paid ? total : nothing,
            due: status == .paid ? nothing : total,
            issuedAt: now,
            paidAt: status == .paid ? now : nil,
            voidedAt: nil,
            createdAt: now,
            updatedAt: now
        )
    }

    private func payment(_ amount: Int64, of invoice: Invoice, _ status: PaymentStatus) -> PaymentState {
        let now = Instant.now()
        return PaymentState(
            Payment(
                id: PaymentID(),
                invoiceId: invoice.id,
                patientId: invoice.patientId,
                status: status,
                provider: "stripe",
                amount: Money(amount: amount, currency: invoice.total.currency),
                providerPaymentId: nil,
                reason: nil,
                next: .none,
                createdAt: now,
                updatedAt: now
            )
        )
    }

    private func messages(about invoice: Invoice, _ clinic: TestClinic) async throws -> [Message] {
        let list = MessageListRequest(reference: "invoice:\(invoice.id)")
        return try await clinic.ask(MessageDesk.endpoints.messages.list, list).output?.items ?? []
    }

    @Test func aPaymentIsThankedForOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let visit = Visit(clinic: try TestClinic())
            try await visit.clinic.configure(.smtp(port: sandbox.smtpPort))
            let invoice = try invoice(visit, .paid)
            let paid = payment(8_050, of: invoice, .succeeded)
            let id = EventID()
            for _ in 0..<2 {
                try await visit.tell(InvoicePaid(invoice: invoice), "\(invoice.id)", 2)
                try await visit.tell(PaymentSucceeded(payment: paid), "\(paid.id)", 3, id: id)
            }
            try await visit.tell(PaymentSucceeded(payment: paid), "\(paid.id)", 3)
            try await visit.tellOfPeople()
            try await visit.tellOfClinic()
            let message = try await eventually("the receipt", within: .seconds(40)) {
                try await messages(about: invoice, visit.clinic).first { $0.status == .sent }
            }
            #expect(message.category == .billing && message.template == BuiltInTemplates.paymentReceived)
            #expect(message.content?.text.contains("80,50 EUR für die Rechnung INV-2026-000001") == true)
            #expect(try await messages(about: invoice, visit.clinic).count == 1)
            #expect(try await sandbox.received(for: visit.email).count == 1)
        }
    }

    /// What arrived is told as it arrived, whether or not it pays the invoice.
    @Test func partsOfAnInvoiceAreThankedForEach() async throws {
        try await SandboxPlace.with { sandbox in
            let visit = Visit(clinic: try TestClinic())
            try await visit.clinic.configure(.smtp(port: sandbox.smtpPort))
            try await visit.tellOfPeople()
            try await visit.tellOfClinic()
            let open = try invoice(visit, .open)
            try await visit.tell(InvoiceChanged(invoice: open), "\(open.id)", 1)
            for amount in [3_000, 5_050] as [Int64] {
                let part = payment(amount, of: open, .succeeded)
                try await visit.tell(PaymentSucceeded(payment: part), "\(part.id)", 2)
            }
            let told = try await eventually("both receipts", within: .seconds(40)) {
                let found = try await messages(about: open, visit.clinic).filter { $0.status == .sent }
                return found.count == 2 ? found : nil
            }
            let texts = told.compactMap(\.content?.text)
            for amount in ["30,00 EUR", "50,50 EUR"] {
                #expect(texts.count { $0.contains("\(amount) für die Rechnung INV-2026-000001") } == 1, "\(texts)")
            }
        }
    }

    /// Nobody but the clinic's people can do anything about it.
    @Test func aFrozenPaymentIsTheClinicsToLookAt() async throws {
        try await SandboxPlace.with { sandbox in
            let visit = Visit(clinic: try TestClinic())
            let clinic = visit.clinic
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            try await visit.tellOfPeople()
            try await visit.tellOfClinic()
            let address = "desk\(clinic.clinic.low)@example.com"
            let route = AlertRoute(alert: .paymentFrozen, to: [AlertRecipient(email: EmailAddress(address))])
            let routes = AlertRoutesDraft(clinicId: clinic.clinic, routes: [route])
            #expect(try await clinic.ask(MessageDesk.endpoints.alerts.put, routes).status == 200)
            let invoice = try invoice(visit, .open)
            let frozen = payment(1, of: invoice, .frozen)
            // What is told again is no news.
            try await visit.tell(PaymentFrozen(payment: frozen), "\(frozen.id)", 2, notify: false)
            let other = payment(1, of: invoice, .frozen)
            for _ in 0..<2 { try await visit.tell(PaymentFrozen(payment: other), "\(other.id)", 2) }
            let told = try await eventually("the alert", within: .seconds(40)) {
                try await sandbox.received(for: address).first?.message
            }
            #expect(told["text"]?.string?.contains("stripe, payment \(other.id)") == true)
            #expect(told["text"]?.string?.contains("see the payment") == true)
            #expect(try await messages(about: invoice, clinic).isEmpty)
            #expect(try await sandbox.received(for: visit.email).isEmpty)
            #expect(try await sandbox.received(for: address).count == 1)
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
