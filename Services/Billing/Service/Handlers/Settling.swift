import BillingAPI
import Contracts
import Core
import Logging
import Outbox
import Postgres
import ProviderConfig

/// Brings a provider's word on a payment into our state: once, whatever the order it comes in.
struct Settling: Sendable {
    static let secretPurpose = "payment client secret"

    let dataKeys: DataKeyStore
    let log: Logger

    /// Applies what the provider reports to the payment, which is locked for it, and returns it as it is then.
    ///
    /// - Parameter entry: the account that makes the payment; its publishable key goes with the secret.
    func settle(
        _ id: PaymentID,
        reported: ProviderPayment,
        entry: ProviderEntry,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> StoredPayment? {
        guard var payment = try PaymentStore.find(id, in: tx, isLocked: true) else { return nil }
        let known = payment
        if payment.status.isUnderWay, payment.providerPaymentID == nil {
            payment.providerPaymentID = reported.id
            payment.publishableKey = entry.credentials.text("publishableKey")
        }
        if payment.status.isUnderWay, payment.sealedSecret == nil, let secret = reported.clientSecret {
            payment.sealedSecret = try dataKeys.sealer(for: try tx.clinic, in: tx).seal(
                Array(secret.unredacted.utf8),
                purpose: Self.secretPurpose,
                record: id.description
            )
        }
        let verdict =
            payment.providerPaymentID == reported.id
            ? Settlement.of(payment.status, asked: payment.amount, payment: id, reported: reported)
            : payment.status.isUnderWay ? .freeze(reason: "payment_mismatch") : .unchanged
        switch verdict {
        case .unchanged: break
        case .move(let status): payment.status = status
        case .freeze(let reason):
            payment.status = .frozen
            payment.reason = reason
        }
        guard
            payment.status != known.status || payment.providerPaymentID != known.providerPaymentID
                || payment.sealedSecret != known.sealedSecret
        else { return payment }
        try save(&payment, was: known.status, at: now, in: tx)
        return payment
    }

    /// Notes that the provider refused to begin.
    func fail(_ id: PaymentID, reason: String, at now: Instant, in tx: borrowing Transaction) throws {
        guard var payment = try PaymentStore.find(id, in: tx, isLocked: true),
            PaymentMoves.isAllowed(from: payment.status, to: .failed)
        else { return }
        let was = payment.status
        payment.status = .failed
        payment.reason = reason
        try save(&payment, was: was, at: now, in: tx)
    }

    private func save(
        _ payment: inout StoredPayment,
        was: PaymentStatus,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        payment.version += 1
        payment.updatedAt = now
        try PaymentStore.update(payment, in: tx)
        if was != payment.status, payment.status == .succeeded { try Invoicing.receive(payment, at: now, in: tx) }
        try announce(payment, in: tx)
        guard was != payment.status else { return }
        if payment.status == .frozen {
            log.error(
                "a payment is frozen",
                metadata: ["payment_id": "\(payment.id)", "reason": "\(payment.reason ?? "")"]
            )
        }
        if [.succeeded, .frozen, .cancelled, .failed].contains(payment.status) { try audit(payment, at: now, in: tx) }
    }

    private func announce(_ payment: StoredPayment, in tx: borrowing Transaction) throws {
        let state = PaymentState(payment.shown(next: .none))
        let aggregate = payment.id.description
        switch payment.status {
        case .succeeded:
            try Outbox.append(
                PaymentSucceeded(payment: state),
                aggregate: aggregate,
                version: payment.version,
                actor: Invoicing.actor,
                in: tx
            )
        case .frozen:
            try Outbox.append(
                PaymentFrozen(payment: state),
                aggregate: aggregate,
                version: payment.version,
                actor: Invoicing.actor,
                in: tx
            )
        default:
            try Outbox.append(
                PaymentChanged(payment: state),
                aggregate: aggregate,
                version: payment.version,
                actor: Invoicing.actor,
                in: tx
            )
        }
    }

    /// What the provider decided stands in the audit trail under the provider's name.
    private func audit(_ payment: StoredPayment, at now: Instant, in tx: borrowing Transaction) throws {
        try Outbox.appendAudit(
            AuditRecord(
                id: AuditEntryID(at: now),
                at: now,
                clinicId: try tx.clinic,
                actor: .init(Principal(kind: .provider, id: payment.provider)),
                action: "payments:update",
                resource: .init(type: "payments", id: payment.id.description),
                patientId: payment.patient,
                outcome: payment.status == .succeeded ? .succeeded : .failed,
                reason: payment.reason ?? payment.status.rawValue,
                requestId: RequestID(at: now),
                source: .init(address: "", userAgent: ""),
                count: nil
            ),
            in: tx
        )
    }
}

extension StoredPayment {
    /// The payment as clients see it.
    func shown(next: PaymentStep) -> Payment {
        Payment(
            id: id,
            invoiceId: invoice,
            patientId: patient,
            status: status,
            provider: provider,
            amount: amount,
            providerPaymentId: providerPaymentID,
            reason: reason,
            next: next,
            createdAt: createdAt,
            updatedAt: updatedAt
        )
    }
}
