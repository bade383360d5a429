import BillingAPI

/// The states a payment may go to from each; what is not here is refused.
enum PaymentMoves {
    static let allowed: [PaymentStatus: Set<PaymentStatus>] = [
        .created: [.pending, .processing, .succeeded, .failed, .cancelled, .frozen],
        .pending: [.processing, .succeeded, .cancelled, .frozen],
        // A card that was declined at last leaves the payment waiting for another.
        .processing: [.pending, .succeeded, .cancelled, .frozen],
        .succeeded: [],
        .failed: [],
        .cancelled: [],
        .frozen: [],
    ]

    static func isAllowed(from: PaymentStatus, to: PaymentStatus) -> Bool { allowed[from]?.contains(to) == true }
}

extension PaymentStatus {
    /// Whether the provider may still change it.
    var isUnderWay: Bool { !(PaymentMoves.allowed[self] ?? []).isEmpty }
}

/// The states an invoice may go to from each.
enum InvoiceMoves {
    static let allowed: [InvoiceStatus: Set<InvoiceStatus>] = [.open: [.paid, .void], .paid: [], .void: []]

    static func isAllowed(from: InvoiceStatus, to: InvoiceStatus) -> Bool { allowed[from]?.contains(to) == true }
}
