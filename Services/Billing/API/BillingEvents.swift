package import Contracts
package import Core

/// An invoice was opened.
///
/// The aggregate of this and the next three kinds is the invoice; each carries its whole state.
package struct InvoiceOpened: EventPayload, Hashable {
    package static var kind: String { "invoice.opened" }
    package static var category: EventCategory { .billing }
    package static var topic: ServiceName { .billing }

    package var invoice: Invoice

    package init(invoice: Invoice) { self.invoice = invoice }
}

/// An invoice was paid in full.
package struct InvoicePaid: EventPayload, Hashable {
    package static var kind: String { "invoice.paid" }
    package static var category: EventCategory { .billing }
    package static var topic: ServiceName { .billing }

    package var invoice: Invoice

    package init(invoice: Invoice) { self.invoice = invoice }
}

/// An invoice is not owed any more.
package struct InvoiceVoided: EventPayload, Hashable {
    package static var kind: String { "invoice.voided" }
    package static var category: EventCategory { .billing }
    package static var topic: ServiceName { .billing }

    package var invoice: Invoice

    package init(invoice: Invoice) { self.invoice = invoice }
}

/// An invoice's present state, told again.
package struct InvoiceChanged: EventPayload, Hashable {
    package static var kind: String { "invoice.changed" }
    package static var category: EventCategory { .billing }
    package static var topic: ServiceName { .billing }

    package var invoice: Invoice

    package init(invoice: Invoice) { self.invoice = invoice }
}

/// A payment as others may know it: without what its payer needs to confirm it.
package struct PaymentState: Wire, Hashable {
    package var id: PaymentID
    package var invoiceId: InvoiceID
    package var patientId: PatientID
    package var status: PaymentStatus
    package var provider: String
    package var amount: Money
    package var reason: String?
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(_ payment: Payment) {
        id = payment.id
        invoiceId = payment.invoiceId
        patientId = payment.patientId
        status = payment.status
        provider = payment.provider
        amount = payment.amount
        reason = payment.reason
        createdAt = payment.createdAt
        updatedAt = payment.updatedAt
    }
}

/// A payment arrived.
///
/// The aggregate of this and the next two kinds is the payment; each carries its whole state.
package struct PaymentSucceeded: EventPayload, Hashable {
    package static var kind: String { "payment.succeeded" }
    package static var category: EventCategory { .billing }
    package static var topic: ServiceName { .billing }

    package var payment: PaymentState

    package init(payment: PaymentState) { self.payment = payment }
}

/// A payment cannot go on until somebody has looked at it.
package struct PaymentFrozen: EventPayload, Hashable {
    package static var kind: String { "payment.frozen" }
    package static var category: EventCategory { .billing }
    package static var topic: ServiceName { .billing }

    package var payment: PaymentState

    package init(payment: PaymentState) { self.payment = payment }
}

/// A payment's present state, for every other change.
package struct PaymentChanged: EventPayload, Hashable {
    package static var kind: String { "payment.changed" }
    package static var category: EventCategory { .billing }
    package static var topic: ServiceName { .billing }

    package var payment: PaymentState

    package init(payment: PaymentState) { self.payment = payment }
}
