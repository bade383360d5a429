import BillingAPI
import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience

/// Reads a payment's state from its provider after a notice, and brings it into ours.
struct SettlePayment: JobHandler {
    struct Payload: Codable, Sendable {
        var provider: String
        var providerPaymentID: String
        /// Ours, as the notice named it; the provider is asked before it is believed.
        var paymentID: PaymentID?
    }

    static let name = "payments.settle"
    static let retry = RetryPolicy(attempts: 20, base: .seconds(1), cap: .seconds(3_600))
    static let callTime: Duration = .seconds(20)

    let accounts: PaymentAccounts
    let settling: Settling

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let payment = try await job.database.transaction(for: job.tenant, lane: .background) { tx in
            let known = try PaymentStore.find(
                provider: payload.provider,
                providerPaymentID: payload.providerPaymentID,
                in: tx
            )
            return try known ?? payload.paymentID.flatMap { try PaymentStore.find($0, in: tx) }
        }
        // Payments that were not begun here are none of ours; the account may have others.
        guard let payment, payment.provider == payload.provider, payment.status.isUnderWay else {
            return try await job.finish()
        }
        let (provider, entry) = try await accounts.account(of: payment, clinic: job.clinic)
        let answer = await provider.read(payload.providerPaymentID, with: entry, deadline: .after(Self.callTime))
        switch answer {
        case .payment(let reported):
            try await job.finish { [settling] tx in
                _ = try settling.settle(payment.id, reported: reported, entry: entry, at: .now(), in: tx)
            }
        case .refused: throw JobFailure.permanent("provider_refused")
        case .credentials, .transient, .unknown: throw PaymentJobError.notAnswered
        }
    }
}

/// Looks after a payment that no notice came for: begins it again under its key, or asks how it stands.
struct ReconcilePayment: JobHandler {
    struct Payload: Codable, Sendable {
        var paymentID: PaymentID
    }

    static let name = "payments.reconcile"
    static let retry = RetryPolicy(attempts: 30, base: .seconds(5), cap: .seconds(3_600))

    let accounts: PaymentAccounts
    let settling: Settling

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let found = try await job.database.transaction(for: job.tenant, lane: .background) { tx in
            try PaymentStore.find(payload.paymentID, in: tx)
        }
        guard let payment = found, payment.status.isUnderWay else { return try await job.finish() }
        let (provider, entry) = try await accounts.account(of: payment, clinic: job.clinic)
        let deadline = Deadline.after(SettlePayment.callTime)
        let answer =
            if let id = payment.providerPaymentID {
                await provider.read(id, with: entry, deadline: deadline)
            } else {
                await provider.begin(payment.order(in: job.clinic), with: entry, deadline: deadline)
            }
        let now = Instant.now()
        switch answer {
        case .payment(let reported):
            try await conclude(payment, job, now) { [settling] tx in
                _ = try settling.settle(payment.id, reported: reported, entry: entry, at: now, in: tx)
            }
        case .refused(let code), .credentials(let code):
            guard payment.providerPaymentID == nil else { throw PaymentJobError.notAnswered }
            try await job.finish { [settling] tx in try settling.fail(payment.id, reason: code, at: now, in: tx) }
        case .transient, .unknown: throw PaymentJobError.notAnswered
        }
    }

    private func conclude(
        _ payment: StoredPayment,
        _ job: JobContext,
        _ now: Instant,
        _ effect: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async throws {
        if let pause = Reconciliation.pause(age: now - payment.createdAt) {
            try await job.again(at: now + pause, effect)
        } else {
            try await job.finish(effect)
        }
    }
}

/// The provider gave no usable answer; the job is run again.
enum PaymentJobError: Error {
    case notAnswered
}

extension StoredPayment {
    /// What is asked of the provider, the same each time.
    func order(in clinic: ClinicID) -> PaymentOrder {
        PaymentOrder(clinic: clinic, payment: id, amount: amount, returnURL: returnURL)
    }
}
