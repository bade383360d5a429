import BillingAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import ServiceHost

/// Beginning and reading payments.
struct PaymentHandlers: Sendable {
    /// Calls of the provider within one request; each repeats the same key.
    static let mostCalls = 2

    let accounts: PaymentAccounts
    let settling: Settling
    let dataKeys: DataKeyStore
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        let endpoints = PaymentEndpoints()
        table.steps(endpoints.create) { input, context in try await create(input, context) }
        table.read(endpoints.list) { input, context, tx in try list(input, context, tx) }
        table.read(endpoints.read) { input, context, tx in
            guard let payment = try PaymentStore.find(input.id, in: tx) else { throw Problem.notFound }
            return Reply(
                payment.shown(next: try step(payment, context.clinic, tx)),
                version: payment.version,
                audit: AuditDetail(resource: input.id.description, patient: payment.patient)
            )
        }
    }

    /// The intent is recorded, then the provider called, then the outcome recorded: never a call in a transaction.
    private func create(_ input: PaymentDraft, _ context: OperationContext) async throws -> Reply<Payment> {
        let chain = try await accounts.accounts(of: context.clinic)
        guard let entry = chain.entries.first(where: { input.provider == nil || $0.provider == input.provider }) else {
            throw chain.entries.isEmpty
                ? Problem.conflict("not_configured", "The clinic takes no payments yet.")
                : Problem.invalid("/provider", "is not a provider of this clinic")
        }
        let payment = try await record(input, entry, chain.version, context)
        let (provider, account) = try await accounts.account(of: payment, clinic: context.clinic)
        let answer = await begin(payment, provider, account, context)
        switch answer {
        case .payment(let reported):
            return try await context.commit { tx in
                guard
                    let settled = try settling.settle(
                        payment.id,
                        reported: reported,
                        entry: account,
                        at: context.now,
                        in: tx
                    )
                else { throw Problem.notFound }
                return Reply(
                    settled.shown(next: try step(settled, context.clinic, tx)),
                    version: settled.version,
                    location: "/api/v1/billing/payments/\(settled.id)",
                    audit: AuditDetail(resource: settled.id.description, patient: settled.patient)
                )
            }
        case .refused(let code), .credentials(let code):
            try await context.database.transaction(for: context.tenant) { tx in
                try settling.fail(payment.id, reason: code, at: context.now, in: tx)
            }
            throw Problem.conflict("provider_refused", "The payment provider refused to begin this payment.")
        case .transient: throw Problem.unavailable("The payment provider")
        case .unknown: throw Problem.replyTimeout
        }
    }

    /// The attempt to go on with: the invoice's own that is under way, else a new one with the job that looks after it.
    private func record(
        _ input: PaymentDraft,
        _ entry: ProviderEntry,
        _ configVersion: Int64,
        _ context: OperationContext
    ) async throws -> StoredPayment {
        try await context.database.transaction(for: context.tenant) { tx in
            guard let invoice = try InvoiceStore.find(input.invoiceId, in: tx) else { throw Problem.notFound }
            try Self.checkPayable(invoice.invoice, amount: input.amount)
            if let underWay = try PaymentStore.underWay(of: input.invoiceId, in: tx) { return underWay }
            let payment = StoredPayment(
                id: PaymentID(at: context.now),
                version: 1,
                invoice: input.invoiceId,
                patient: invoice.invoice.patientId,
                location: invoice.invoice.locationId,
                doctor: invoice.doctor,
                status: .created,
                provider: entry.provider,
                entry: entry.id,
                configVersion: configVersion,
                amount: invoice.invoice.due,
                returnURL: input.returnUrl,
                createdAt: context.now,
                updatedAt: context.now
            )
            guard try PaymentStore.insert(payment, in: tx) else {
                guard let other = try PaymentStore.underWay(of: input.invoiceId, in: tx) else {
                    throw Problem.unavailable("The invoice")
                }
                return other
            }
            try Jobs.enqueue(
                ReconcilePayment.self,
                payload: .init(paymentID: payment.id),
                dueAt: context.now + Reconciliation.first,
                unique: payment.id.description,
                in: tx
            )
            return payment
        }
    }

    private static func checkPayable(_ invoice: Invoice, amount: Money?) throws(Problem) {
        switch invoice.status {
        case .paid: throw .conflict("invoice_paid", "The invoice is paid.")
        case .void: throw .conflict("invoice_void", "The invoice is not owed any more.")
        case .open: break
        }
        if let amount, amount != invoice.due { throw .invalid("/amount", "must be the amount due") }
    }

    private func begin(
        _ payment: StoredPayment,
        _ provider: any PaymentProvider,
        _ entry: ProviderEntry,
        _ context: OperationContext
    ) async -> ProviderAnswer {
        if let id = payment.providerPaymentID {
            return await provider.read(id, with: entry, deadline: context.deadline)
        }
        var answer = ProviderAnswer.unknown("not_asked")
        for call in 1...Self.mostCalls {
            // Half of what is left: a lost reply leaves time to repeat the call under the same key.
            let share = call < Self.mostCalls ? context.deadline.remaining() / 2 : context.deadline.remaining()
            answer = await provider.begin(payment.order(in: context.clinic), with: entry, deadline: .after(share))
            guard case .unknown = answer, !context.deadline.hasPassed() else { return answer }
        }
        return answer
    }

    private func list(
        _ input: PaymentListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<Payment>> {
        let order = input.sort ?? .newestFirst
        let list = "payments \(input.status?.rawValue ?? "") \(input.invoice?.description ?? "") \(order.rawValue)"
        let place = try PagePlace(cursors.open(input.cursor, list: list, clinic: context.clinic))
        let limit = input.limit ?? Page<Payment>.usualLimit
        let found = try PaymentStore.list(input, after: place?.pair(), count: limit + 1, in: tx)
        // What a payer confirms with is shown for one payment at a time only.
        let shown = found.prefix(limit).map { $0.shown(next: .none) }
        var next: String?
        if found.count > limit, let last = shown.last {
            next = cursors.seal(PagePlace.position(last.createdAt, last.id), list: list, clinic: context.clinic)
        }
        return Reply(Page(items: Array(shown), nextCursor: next))
    }

    private func step(_ payment: StoredPayment, _ clinic: ClinicID, _ tx: borrowing Transaction) throws -> PaymentStep {
        guard payment.status == .pending, let sealed = payment.sealedSecret else { return .none }
        let secret = try dataKeys.sealer(for: clinic, in: tx).open(
            sealed,
            purpose: Settling.secretPurpose,
            record: payment.id.description
        )
        return PaymentStep(
            type: .clientSecret,
            clientSecret: String(decoding: secret, as: UTF8.self),
            publishableKey: payment.publishableKey
        )
    }
}
