import AppointmentsAPI
import BillingAPI
import Contracts
import Core
import Jobs
import Postgres
import TestKit
import Testing

@testable import Billing

@Suite(.timeLimit(.minutes(3))) struct PaymentTests {
    let desk: BillingDesk
    let endpoints = BillingDesk.endpoints

    init() throws { desk = try BillingDesk() }

    /// A payment that waits for its payer.
    private func begun() async throws -> (invoice: Invoice, payment: Payment, intent: String) {
        _ = try await desk.configure()
        let invoice = try await desk.booked()
        let answer = try await desk.pay(invoice, scope: .own(desk.patient))
        let payment = try #require(answer.output, "\(answer)")
        #expect(answer.status == 201 && payment.status == .pending && payment.next.type == .clientSecret)
        #expect(payment.next.publishableKey == "pk_test_1")
        return (invoice, payment, try #require(payment.providerPaymentId))
    }

    private func paid(_ invoice: InvoiceID) async throws {
        try await eventually("the invoice is paid") { try await desk.invoice(invoice).status == .paid }
    }

    @Test func theSameNoticeTenTimesPaysOnce() async throws {
        let (invoice, payment, intent) = try await begun()
        desk.stripe.pay(intent)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<10 {
                group.addTask {
                    try await desk.notify(payment.id, intent: intent, event: number < 5 ? "evt_same" : "evt_\(number)")
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 10))
        try await paid(invoice.id)
        let after = try await desk.payment(payment.id)
        #expect(after.status == .succeeded && after.next.type == .none)
        let entries = try await desk.entries(of: invoice.id)
        #expect(entries.map(\.kind) == [.invoiceOpened, .invoiceOpened, .paymentReceived, .paymentReceived])
        let events = try await desk.events()
        #expect(events.count(where: { $0 == "invoice.paid" }) == 1)
        #expect(events.count(where: { $0 == "payment.succeeded" }) == 1)
        let balance = try #require(try await desk.ask(endpoints.ledger.trialBalance, EmptyInput()).output)
        #expect(balance.balanced)
        #expect(balance.items.first { $0.account == .receivable }?.balance.amount == 0)
        #expect(balance.items.first { $0.account == .cash }?.balance.amount == 5_000)
        let again = try await desk.pay(invoice)
        #expect(again.status == 409 && again.code == "invoice_paid")
    }

    @Test func aForgedNoticeChangesNothing() async throws {
        let (invoice, payment, intent) = try await begun()
        desk.stripe.pay(intent)
        #expect(try await desk.notify(payment.id, intent: intent, secret: "whsec_wrong") == 401)
        #expect(try await desk.notify(payment.id, intent: intent, clinic: ClinicID()) == 401)
        let stale = FakeStripe.notice(
            "evt_old",
            about: intent,
            payment: "\(payment.id)",
            secret: desk.webhookSecret,
            at: .now() - .seconds(400)
        )
        let answer = try await desk.ask(
            endpoints.payments.receiveNotice,
            WebhookPayload(provider: "stripe", clinicId: desk.clinic, body: RawBody(stale.body)),
            scope: .account,
            headers: ["stripe-signature": stale.header]
        )
        #expect(answer.status == 401 && answer.code == "invalid_signature")
        let kept = try await desk.test.inspect(
            "select count(*) from payment_notices where clinic_id = \(desk.clinic)"
        ) { rows -> Int64 in try rows[0][0] }
        #expect(kept == 0)
        #expect(try await desk.invoice(invoice.id).status == .open)
    }

    @Test func aNoticeBeforeTheReplyPaysOnce() async throws {
        _ = try await desk.configure()
        let invoice = try await desk.booked()
        // Both calls lose their reply: the intent exists, and we do not know it.
        desk.stripe.fail([.loseReply, .loseReply], for: desk.secretKey)
        let lost = try await desk.pay(invoice)
        #expect(lost.status == 504 && lost.code == "reply_timeout")
        let page = try await desk.ask(endpoints.payments.list, PaymentListRequest(invoice: invoice.id)).output
        let payment = try #require(page?.items.first)
        #expect(payment.status == .created && payment.providerPaymentId == nil)
        let intent = "pi_\(payment.id.description.replacing("-", with: ""))"
        desk.stripe.pay(intent)
        #expect(try await desk.notify(payment.id, intent: intent) == 200)
        try await paid(invoice.id)
        #expect(try await desk.payment(payment.id).providerPaymentId == intent)
        #expect(desk.stripe.calls(intent) == 2)
    }

    @Test func aLostReplyIsRepeatedUnderTheSameKey() async throws {
        _ = try await desk.configure()
        let invoice = try await desk.booked()
        desk.stripe.fail([.loseReply], for: desk.secretKey)
        let payment = try #require(try await desk.pay(invoice).output)
        #expect(payment.status == .pending)
        let intent = try #require(payment.providerPaymentId)
        #expect(desk.stripe.calls(intent) == 2)
    }

    @Test func oneAttemptPerInvoiceAtATime() async throws {
        _ = try await desk.configure()
        let invoice = try await desk.booked()
        let ids = try await withThrowingTaskGroup(of: PaymentID?.self) { group in
            for _ in 0..<8 { group.addTask { try await desk.pay(invoice).output?.id } }
            return try await group.reduce(into: [PaymentID?]()) { $0.append($1) }
        }
        #expect(Set(ids).count == 1 && ids[0] != nil)
        let first = try await desk.pay(invoice, key: "k")
        let second = try await desk.pay(invoice, key: "k")
        #expect(first.output == second.output)
    }

    @Test func anotherAmountFreezes() async throws {
        let (invoice, payment, intent) = try await begun()
        desk.stripe.pay(intent, amount: 4_999)
        #expect(try await desk.notify(payment.id, intent: intent) == 200)
        try await eventually("frozen") { try await desk.payment(payment.id).status == .frozen }
        #expect(try await desk.payment(payment.id).reason == "amount_mismatch")
        #expect(try await desk.invoice(invoice.id).status == .open)
        #expect(try await desk.entries(of: invoice.id).count == 2)
    }

    @Test func anotherPaymentsIntentFreezes() async throws {
        let (invoice, payment, _) = try await begun()
        let other = try await desk.booked()
        let second = try #require(try await desk.pay(other).output)
        let intent = try #require(second.providerPaymentId)
        desk.stripe.pay(intent)
        // The notice names the first payment, the provider's own record the second: the record is believed.
        #expect(try await desk.notify(payment.id, intent: intent) == 200)
        try await paid(other.id)
        #expect(try await desk.invoice(invoice.id).status == .open)
        #expect(try await desk.payment(payment.id).status == .pending)
    }

    @Test func whatTheProviderRefusesHasFailed() async throws {
        _ = try await desk.configure()
        let invoice = try await desk.booked()
        desk.stripe.fail([.refuse], for: desk.secretKey)
        let refused = try await desk.pay(invoice)
        #expect(refused.status == 409 && refused.code == "provider_refused")
        let page = try await desk.ask(endpoints.payments.list, PaymentListRequest(invoice: invoice.id)).output
        #expect(page?.items.map(\.status) == [.failed] && page?.items.first?.reason == "amount_too_small")
        #expect(try await desk.pay(invoice).status == 201)
    }

    @Test func aProviderThatIsDownIsSaidSo() async throws {
        _ = try await desk.configure()
        let invoice = try await desk.booked()
        desk.stripe.fail([.down], for: desk.secretKey)
        #expect(try await desk.pay(invoice).status == 503)
        #expect(try await desk.pay(invoice).status == 201)
    }

    @Test func moneyForAVoidInvoiceIsThePatientsCredit() async throws {
        let (invoice, payment, intent) = try await begun()
        let visit = try desk.visit(invoice.appointmentId, status: .cancelled)
        try await desk.tell(AppointmentCancelled(appointment: visit), "\(visit.id)", 2)
        desk.stripe.pay(intent)
        #expect(try await desk.notify(payment.id, intent: intent) == 200)
        try await eventually("succeeded") { try await desk.payment(payment.id).status == .succeeded }
        #expect(try await desk.invoice(invoice.id).status == .void)
        #expect(try await desk.entries(of: invoice.id).last?.account == .patientCredit)
        let balance = try #require(try await desk.ask(endpoints.ledger.trialBalance, EmptyInput()).output)
        #expect(balance.balanced && balance.items.first { $0.account == .patientCredit }?.balance.amount == -5_000)
    }

    @Test func nobodyPaysWithoutConfigurationOrReach() async throws {
        let invoice = try await desk.booked()
        let none = try await desk.pay(invoice)
        #expect(none.status == 409 && none.code == "not_configured")
        _ = try await desk.configure()
        #expect(try await desk.pay(invoice, scope: .own(PatientID())).status == 404)
        let other = try await desk.ask(
            endpoints.payments.create,
            PaymentDraft(invoiceId: invoice.id),
            clinic: ClinicID()
        )
        #expect(other.status == 409 || other.status == 404)
        let wrong = PaymentDraft(invoiceId: invoice.id, amount: Money(amount: 1, currency: invoice.total.currency))
        #expect(try await desk.ask(endpoints.payments.create, wrong).status == 422)
        let unknown = PaymentDraft(invoiceId: invoice.id, provider: "paypal")
        #expect(try await desk.ask(endpoints.payments.create, unknown).status == 422)
    }

    @Test func aPaymentWithoutANoticeIsFoundByAsking() async throws {
        let (invoice, payment, intent) = try await begun()
        desk.stripe.pay(intent)
        // The look that is due in a minute is due at once.
        let tenant = Tenant(desk.clinic, actor: "test")
        try await desk.test.database.transaction(for: tenant) { tx in
            _ = try Jobs.enqueue(ReconcilePayment.self, payload: .init(paymentID: payment.id), in: tx)
        }
        try await paid(invoice.id)
        #expect(try await desk.payment(payment.id).status == .succeeded)
    }
}
