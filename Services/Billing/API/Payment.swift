package import Contracts
package import Core

/// How far a payment has come.
package enum PaymentStatus: String, Hashable, Sendable, Codable, CaseIterable {
    /// Noted; the provider has not answered yet.
    case created
    /// Waits for the payer.
    case pending
    /// The provider is at work.
    case processing
    case succeeded
    /// The provider refused to begin.
    case failed
    case cancelled
    /// The provider reports another amount or currency than was asked for; somebody must look.
    case frozen
}

/// A patient's attempt to pay an invoice.
package struct Payment: Wire, Hashable {
    package var id: PaymentID
    package var invoiceId: InvoiceID
    package var patientId: PatientID
    package var status: PaymentStatus
    package var provider: String
    package var amount: Money
    /// The provider's own id, once known.
    package var providerPaymentId: String?
    /// Why it ended badly; a code.
    package var reason: String?
    package var next: PaymentStep
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: PaymentID,
        invoiceId: InvoiceID,
        patientId: PatientID,
        status: PaymentStatus,
        provider: String,
        amount: Money,
        providerPaymentId: String?,
        reason: String?,
        next: PaymentStep,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.invoiceId = invoiceId
        self.patientId = patientId
        self.status = status
        self.provider = provider
        self.amount = amount
        self.providerPaymentId = providerPaymentId
        self.reason = reason
        self.next = next
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// What the payer's client is to do next.
package struct PaymentStep: Wire, Hashable {
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// Confirm with the provider's own library, with this secret.
        case clientSecret = "client_secret"
        case none
    }

    package var type: Kind
    package var clientSecret: String?
    package var publishableKey: String?

    package init(type: Kind, clientSecret: String? = nil, publishableKey: String? = nil) {
        self.type = type
        self.clientSecret = clientSecret
        self.publishableKey = publishableKey
    }

    package static let none = PaymentStep(type: .none)
}

/// A payment to begin.
///
/// While one of the invoice is under way, that one is answered.
package struct PaymentDraft: Wire {
    package static let longestText = 255
    package static let longestURL = 2_000

    package var invoiceId: InvoiceID
    /// What is due, the default.
    ///
    /// Part payments are not taken.
    package var amount: Money?
    /// The clinic's primary provider unless named.
    package var provider: String?
    /// Where the provider sends the payer back to, if it has to.
    package var returnUrl: String?

    package init(invoiceId: InvoiceID, amount: Money? = nil, provider: String? = nil, returnUrl: String? = nil) {
        self.invoiceId = invoiceId
        self.amount = amount
        self.provider = provider
        self.returnUrl = returnUrl
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.provider, 1...PaymentProviderDraft.longestProvider),
            .length(CodingKeys.returnUrl, 1...longestURL),
        ]
    }
}

/// Names a payment.
package struct PaymentPath: Wire {
    package var id: PaymentID

    package init(id: PaymentID) { self.id = id }
}

/// A page of the payments within the caller's reach, newest first unless said otherwise.
package struct PaymentListRequest: Wire {
    package var invoice: InvoiceID?
    package var status: PaymentStatus?
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        invoice: InvoiceID? = nil,
        status: PaymentStatus? = nil,
        sort: TimeOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.invoice = invoice
        self.status = status
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "-createdAt, the newest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...InvoiceListRequest.longestCursor),
        ]
    }
}
