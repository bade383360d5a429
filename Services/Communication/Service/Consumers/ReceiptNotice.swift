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
                "amount": .string(total.spelled),
            ],
            category: .billing,
            reference: "invoice:\(invoice)"
        )
    }
}

extension Money {
    /// `EUR 80.00`, with as many decimals as the currency has.
    var spelled: String {
        let exponent = currency.exponent
        guard exponent > 0 else { return "\(currency.code) \(amount)" }
        let unit = (0..<exponent).reduce(Int64(1)) { factor, _ in factor * 10 }
        let sign = amount < 0 ? "-" : ""
        return
            "\(currency.code) \(sign)\((amount / unit).magnitude).\(padded(Int((amount % unit).magnitude), exponent))"
    }
}
