import BillingAPI
import Core

/// One fact in the books: lines that add up to nothing.
struct LedgerPosting: Sendable, Equatable {
    struct Line: Sendable, Equatable {
        let account: LedgerAccount
        /// Debits positive, credits negative, in minor units.
        let amount: Int64
    }

    let kind: LedgerPostingKind
    let invoice: InvoiceID
    let payment: PaymentID?
    let currency: Currency
    let lines: [Line]

    /// The patient owes what was earned.
    static func opened(_ invoice: InvoiceID, total: Money) -> LedgerPosting {
        LedgerPosting(.invoiceOpened, invoice, nil, total, debit: .receivable, credit: .revenue)
    }

    /// Neither owed nor earned any more.
    static func voided(_ invoice: InvoiceID, total: Money) -> LedgerPosting {
        LedgerPosting(.invoiceVoided, invoice, nil, total, debit: .revenue, credit: .receivable)
    }

    /// Money came in: against what is owed, else to the patient's credit.
    static func received(_ payment: PaymentID, for invoice: InvoiceID, amount: Money, isOwed: Bool) -> LedgerPosting {
        LedgerPosting(
            .paymentReceived,
            invoice,
            payment,
            amount,
            debit: .cash,
            credit: isOwed ? .receivable : .patientCredit
        )
    }

    private init(
        _ kind: LedgerPostingKind,
        _ invoice: InvoiceID,
        _ payment: PaymentID?,
        _ amount: Money,
        debit: LedgerAccount,
        credit: LedgerAccount
    ) {
        self.kind = kind
        self.invoice = invoice
        self.payment = payment
        currency = amount.currency
        lines = [Line(account: debit, amount: amount.amount), Line(account: credit, amount: -amount.amount)]
    }
}
