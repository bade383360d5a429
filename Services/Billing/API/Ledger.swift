package import Contracts
package import Core

/// The accounts of a clinic's books.
package enum LedgerAccount: String, Hashable, Sendable, Codable, CaseIterable {
    /// What patients owe.
    case receivable
    /// What was earned.
    case revenue
    /// What providers have taken in for the clinic.
    case cash
    /// What patients have paid without owing it.
    case patientCredit = "patient_credit"
}

/// The two sides of an account.
package enum LedgerSide: String, Hashable, Sendable, Codable, CaseIterable {
    case debit, credit
}

/// What a posting is about.
package enum LedgerPostingKind: String, Hashable, Sendable, Codable, CaseIterable {
    case invoiceOpened = "invoice_opened"
    case invoiceVoided = "invoice_voided"
    case paymentReceived = "payment_received"
}

/// One line of a posting; the lines of a posting balance.
package struct LedgerEntry: Wire, Hashable {
    package var id: LedgerEntryID
    package var postingId: String
    package var kind: LedgerPostingKind
    package var account: LedgerAccount
    package var side: LedgerSide
    package var amount: Money
    package var invoiceId: InvoiceID
    package var paymentId: PaymentID?
    package var at: Instant

    package init(
        id: LedgerEntryID,
        postingId: String,
        kind: LedgerPostingKind,
        account: LedgerAccount,
        side: LedgerSide,
        amount: Money,
        invoiceId: InvoiceID,
        paymentId: PaymentID?,
        at: Instant
    ) {
        self.id = id
        self.postingId = postingId
        self.kind = kind
        self.account = account
        self.side = side
        self.amount = amount
        self.invoiceId = invoiceId
        self.paymentId = paymentId
        self.at = at
    }
}

/// In which order the ledger is read.
package enum LedgerOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case oldestFirst = "at"
    case newestFirst = "-at"
}

/// A page of the ledger, oldest first unless said otherwise.
package struct LedgerListRequest: Wire {
    package var invoice: InvoiceID?
    package var account: LedgerAccount?
    package var sort: LedgerOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        invoice: InvoiceID? = nil,
        account: LedgerAccount? = nil,
        sort: LedgerOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.invoice = invoice
        self.account = account
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "at, the oldest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...InvoiceListRequest.longestCursor),
        ]
    }
}

/// The sums of every account and currency.
package struct TrialBalance: Wire, Hashable {
    package struct Row: Wire, Hashable {
        package var account: LedgerAccount
        package var debit: Money
        package var credit: Money
        /// Debit less credit.
        package var balance: Money

        package init(account: LedgerAccount, debit: Money, credit: Money, balance: Money) {
            self.account = account
            self.debit = debit
            self.credit = credit
            self.balance = balance
        }
    }

    package var items: [Row]
    /// Whether debits equal credits in every currency.
    package var balanced: Bool

    package init(items: [Row], balanced: Bool) {
        self.items = items
        self.balanced = balanced
    }
}
