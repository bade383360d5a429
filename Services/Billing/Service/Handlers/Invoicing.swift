import AppointmentsAPI
import BillingAPI
import Core
import Jobs
import Outbox
import Postgres

/// Opens, pays and voids invoices: state, books and event in one transaction.
enum Invoicing {
    static let actor = "system:billing"

    /// Opens the visit's invoice, unless it costs nothing or has one.
    static func open(for visit: AppointmentState, at now: Instant, in tx: borrowing Transaction) throws {
        guard visit.price.amount > 0, try InvoiceStore.find(appointment: visit.id, in: tx) == nil else { return }
        let name = try ProjectionStore.name(of: visit.serviceId, in: tx)
        let zone = try ProjectionStore.timeZone(in: tx).flatMap { NamedZone($0) }
        let year = InvoiceNumber.year(at: now, offset: zone?.offset(at: now.seconds) ?? 0)
        let number = try InvoiceStore.nextNumber(year: year, in: tx)
        let nothing = Money(amount: 0, currency: visit.price.currency)
        let invoice = Invoice(
            id: InvoiceID(at: now),
            number: number.description,
            status: .open,
            patientId: visit.patientId,
            appointmentId: visit.id,
            locationId: visit.locationId,
            lines: [InvoiceLine(description: name ?? "Visit", serviceId: visit.serviceId, amount: visit.price)],
            total: visit.price,
            paid: nothing,
            due: visit.price,
            issuedAt: now,
            paidAt: nil,
            voidedAt: nil,
            createdAt: now,
            updatedAt: now
        )
        let stored = StoredInvoice(version: 1, doctor: visit.doctorId, invoice: invoice)
        try InvoiceStore.insert(stored, number: number, in: tx)
        try LedgerStore.enter(.opened(invoice.id, total: invoice.total), at: now, in: tx)
        try Outbox.append(
            InvoiceOpened(invoice: invoice),
            aggregate: invoice.id.description,
            version: 1,
            actor: actor,
            in: tx
        )
    }

    /// Voids the visit's invoice if it is still open; what was paid stays paid.
    static func void(for visit: AppointmentState, at now: Instant, in tx: borrowing Transaction) throws {
        guard var stored = try InvoiceStore.find(appointment: visit.id, in: tx),
            InvoiceMoves.isAllowed(from: stored.invoice.status, to: .void)
        else { return }
        stored.version += 1
        stored.invoice.status = .void
        stored.invoice.due.amount = 0
        stored.invoice.voidedAt = now
        stored.invoice.updatedAt = now
        try InvoiceStore.update(stored, in: tx)
        try LedgerStore.enter(.voided(stored.invoice.id, total: stored.invoice.total), at: now, in: tx)
        try Outbox.append(
            InvoiceVoided(invoice: stored.invoice),
            aggregate: stored.invoice.id.description,
            version: stored.version,
            actor: actor,
            in: tx
        )
    }

    /// Enters money that has arrived: it pays the invoice if that is open, else it is the patient's credit.
    static func receive(_ payment: StoredPayment, at now: Instant, in tx: borrowing Transaction) throws {
        guard var stored = try InvoiceStore.find(payment.invoice, in: tx, isLocked: true) else {
            throw DatabaseError(.foreignKeyViolation, operation: "invoice of a payment")
        }
        let isOwed =
            InvoiceMoves.isAllowed(from: stored.invoice.status, to: .paid) && stored.invoice.due == payment.amount
        try LedgerStore.enter(
            .received(payment.id, for: payment.invoice, amount: payment.amount, isOwed: isOwed),
            at: now,
            in: tx
        )
        guard isOwed else { return }
        stored.version += 1
        stored.invoice.status = .paid
        stored.invoice.paid = stored.invoice.total
        stored.invoice.due.amount = 0
        stored.invoice.paidAt = now
        stored.invoice.updatedAt = now
        try InvoiceStore.update(stored, in: tx)
        try Outbox.append(
            InvoicePaid(invoice: stored.invoice),
            aggregate: stored.invoice.id.description,
            version: stored.version,
            actor: actor,
            in: tx
        )
    }
}
