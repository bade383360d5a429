package import Contracts
import Core

/// Every operation of the billing service.
package struct BillingEndpoints: Sendable {
    package let config = BillingConfigEndpoints()
    package let installation = InstallationBillingEndpoints()
    package let invoices = InvoiceEndpoints()
    package let payments = PaymentEndpoints()
    package let ledger = LedgerEndpoints()

    package init() {}

    package var all: [any EndpointDescription] {
        config.all + installation.all + invoices.all + payments.all + ledger.all
    }
}

/// The provider a clinic is paid through.
package struct BillingConfigEndpoints: Sendable {
    package let read = Endpoint(
        "billing.config.read",
        .GET,
        "/billing/config",
        service: .billing,
        guard: .permission(BillingPermissions.readConfig),
        takes: EmptyInput.self,
        gives: BillingConfig.self,
        audit: .none(because: "holds no health data, and secrets are masked"),
        errors: [ErrorCode(404, "not_configured")],
        summary: "The clinic's payment provider"
    )
    package let replace = Endpoint(
        "billing.config.replace",
        .PUT,
        "/billing/config",
        service: .billing,
        guard: .permission(BillingPermissions.updateConfig),
        takes: BillingConfigDraft.self,
        gives: BillingConfig.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed")],
        summary: "Set the clinic's payment provider"
    )
    package let readOfClinic = Endpoint(
        "billing.clinic_config.read",
        .GET,
        "/clinics/{clinicId}/billing/config",
        service: .billing,
        guard: .permission(BillingPermissions.readConfig),
        takes: BillingClinicPath.self,
        gives: BillingConfig.self,
        audit: .none(because: "holds no health data, and secrets are masked"),
        errors: [ErrorCode(404, "not_configured")],
        summary: "A clinic's payment provider"
    )
    package let replaceOfClinic = Endpoint(
        "billing.clinic_config.replace",
        .PUT,
        "/clinics/{clinicId}/billing/config",
        service: .billing,
        guard: .permission(BillingPermissions.updateConfig),
        takes: ClinicBillingConfigDraft.self,
        gives: BillingConfig.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed")],
        summary: "Set a clinic's payment provider"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, replace, readOfClinic, replaceOfClinic] }
}

/// The operator's own payment provider.
///
/// Nothing is ever paid through it in a clinic's place: money goes to who has chosen the account.
package struct InstallationBillingEndpoints: Sendable {
    package let read = Endpoint(
        "billing.installation_config.read",
        .GET,
        "/installation/billing/config",
        service: .billing,
        guard: .permission(BillingPermissions.readInstallation),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: BillingConfig.self,
        audit: .none(because: "holds no health data, and secrets are masked"),
        errors: [ErrorCode(404, "not_configured")],
        summary: "The operator's payment provider, which no clinic is paid through"
    )
    package let replace = Endpoint(
        "billing.installation_config.replace",
        .PUT,
        "/installation/billing/config",
        service: .billing,
        guard: .permission(BillingPermissions.updateInstallation),
        tenancy: Tenancy.none,
        takes: BillingConfigDraft.self,
        gives: BillingConfig.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed")],
        summary: "Set the operator's payment provider, which no clinic is paid through"
    )
    package let delete = Endpoint(
        "billing.installation_config.delete",
        .DELETE,
        "/installation/billing/config",
        service: .billing,
        guard: .permission(BillingPermissions.deleteInstallation),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(404, "not_configured")],
        summary: "Forget the operator's payment provider"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, replace, delete] }
}

/// What patients owe.
package struct InvoiceEndpoints: Sendable {
    package let list = Endpoint(
        "billing.invoices.list",
        .GET,
        "/billing/invoices",
        service: .billing,
        guard: .permission(BillingPermissions.readInvoices),
        takes: InvoiceListRequest.self,
        gives: Page<Invoice>.self,
        audit: .read,
        summary: "The invoices within the caller's reach"
    )
    package let read = Endpoint(
        "billing.invoices.read",
        .GET,
        "/billing/invoices/{id}",
        service: .billing,
        guard: .permission(BillingPermissions.readInvoices),
        takes: InvoicePath.self,
        gives: Invoice.self,
        audit: .read,
        summary: "One invoice"
    )

    package init() {}

    package var all: [any EndpointDescription] { [list, read] }
}

/// Paying, and the providers' word on it.
package struct PaymentEndpoints: Sendable {
    package let create = Endpoint(
        "billing.payments.create",
        .POST,
        "/billing/payments",
        service: .billing,
        guard: .permission(BillingPermissions.createPayments),
        takes: PaymentDraft.self,
        gives: Payment.self,
        status: 201,
        audit: .change,
        errors: [
            ErrorCode(409, "not_configured"), ErrorCode(409, "invoice_paid"), ErrorCode(409, "invoice_void"),
            ErrorCode(409, "provider_refused"),
        ],
        deadline: .seconds(20),
        summary: "Begin to pay an invoice"
    )
    package let list = Endpoint(
        "billing.payments.list",
        .GET,
        "/billing/payments",
        service: .billing,
        guard: .permission(BillingPermissions.readPayments),
        takes: PaymentListRequest.self,
        gives: Page<Payment>.self,
        audit: .read,
        summary: "The payments within the caller's reach"
    )
    package let read = Endpoint(
        "billing.payments.read",
        .GET,
        "/billing/payments/{id}",
        service: .billing,
        guard: .permission(BillingPermissions.readPayments),
        takes: PaymentPath.self,
        gives: Payment.self,
        audit: .read,
        summary: "One payment"
    )
    package let receiveNotice = Endpoint(
        "billing.payments.receive_notice",
        .POST,
        "/webhooks/billing/{provider}/{clinicId}",
        service: .billing,
        guard: .signature(of: "the payment provider"),
        takes: WebhookPayload.self,
        gives: WebhookReceipt.self,
        audit: .none(because: "the change it leads to is audited"),
        body: .raw(maxBytes: WebhookPayload.longestBody),
        resource: "payments",
        errors: [ErrorCode(401, "invalid_signature")],
        summary: "A provider's notice about a payment"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, read, receiveNotice] }
}

/// The clinic's books.
package struct LedgerEndpoints: Sendable {
    package let entries = Endpoint(
        "billing.ledger.entries",
        .GET,
        "/billing/ledger/entries",
        service: .billing,
        guard: .permission(BillingPermissions.readLedger),
        takes: LedgerListRequest.self,
        gives: Page<LedgerEntry>.self,
        audit: .none(because: "holds amounts and ids only"),
        summary: "The ledger's entries, oldest first"
    )
    package let trialBalance = Endpoint(
        "billing.ledger.trial_balance",
        .GET,
        "/billing/ledger/trial-balance",
        service: .billing,
        guard: .permission(BillingPermissions.readLedger),
        takes: EmptyInput.self,
        gives: TrialBalance.self,
        audit: .none(because: "holds sums only"),
        summary: "The sums of every account"
    )

    package init() {}

    package var all: [any EndpointDescription] { [entries, trialBalance] }
}
