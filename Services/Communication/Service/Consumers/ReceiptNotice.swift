import BillingAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// That a patient's invoice is paid.
struct ReceiptNotice: Codable, Sendable, Equatable {
    var invoice: InvoiceID
    var patient: PatientID
    var number: String
    var total: Money

    init(_ invoice: Invoice) {
        self.invoice = invoice.id
        patient = invoice.patientId
        number = invoice.number
        total = invoice.total
    }

    /// The message, once patient and clinic are known.
    func draft(sealer: ClinicSealer, in tx: borrowing Transaction) throws -> MessageDraft {
        guard let known = try ProjectionStore.patient(patient, sealer: sealer, in: tx),
            let clinic = try ProjectionStore.clinicName(in: tx)
        else { throw NotYetKnown() }
        return MessageDraft(
            to: RecipientDraft(patientId: patient),
            template: BuiltInTemplates.paymentReceived,
            data: [
                "clinicName": .string(clinic), "patientName": .string(known.name), "invoiceNumber": .string(number),
                "amount": ["amount": .integer(total.amount), "currency": .string(total.currency.code)],
            ],
            category: .billing,
            reference: "invoice:\(invoice)"
        )
    }
}
