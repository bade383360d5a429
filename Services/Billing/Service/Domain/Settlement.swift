import BillingAPI
import Core

/// What a provider's word on a payment means for it.
enum Settlement: Equatable, Sendable {
    /// Nothing new, or older than what is known.
    case unchanged
    case move(to: PaymentStatus)
    /// The provider speaks of another payment, amount or currency; a code says which.
    case freeze(reason: String)

    /// Decides by what was asked for and what the provider reports.
    static func of(_ status: PaymentStatus, asked: Money, payment: PaymentID, reported: ProviderPayment) -> Settlement {
        guard status.isUnderWay else { return .unchanged }
        if let named = reported.paymentID, named != payment { return .freeze(reason: "payment_mismatch") }
        if reported.amount.currency != asked.currency { return .freeze(reason: "currency_mismatch") }
        if reported.amount.amount != asked.amount { return .freeze(reason: "amount_mismatch") }
        if reported.status == .succeeded, reported.received != asked.amount {
            return .freeze(reason: "amount_mismatch")
        }
        if reported.status == status { return .unchanged }
        return PaymentMoves.isAllowed(from: status, to: reported.status) ? .move(to: reported.status) : .unchanged
    }
}
