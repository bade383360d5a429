import BillingAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// What a patient is to be told about an invoice: that there is one, that a payment arrived, or that one failed.
struct InvoiceNotice: Codable, Sendable, Equatable {
    var template: String
    var invoice: InvoiceID
    var patient: PatientID
    /// Of the invoice, or of the payment.
    var amount: Money
}

extension InvoiceNotice {
    init(_ invoice: Invoice, template: String) {
        self.init(template: template, invoice: invoice.id, patient: invoice.patientId, amount: invoice.total)
    }

    init(_ payment: PaymentState, _ template: String) {
        self.init(
            template: template,
            invoice: payment.invoiceId,
            patient: payment.patientId,
            amount: payment.amount
        )
    }

    /// The message, once patient, clinic and invoice are known.
    func draft(sealer: ClinicSealer, in tx: borrowing Transaction) throws -> MessageDraft {
        guard let known = try ProjectionStore.patient(patient, sealer: sealer, in: tx),
            let number = try ProjectionStore.invoiceNumber(invoice, in: tx),
            let clinic = try ProjectionStore.clinicName(in: tx)
        else { throw NotYetKnown() }
        return MessageDraft(
            to: RecipientDraft(patientId: patient),
            template: template,
            data: [
                "clinicName": .string(clinic), "patientName": .string(known.name), "invoiceNumber": .string(number),
                "amount": ["amount": .integer(amount.amount), "currency": .string(amount.currency.code)],
            ],
            category: .billing,
            reference: "invoice:\(invoice)"
        )
    }
}
