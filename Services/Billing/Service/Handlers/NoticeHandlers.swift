import BillingAPI
import Bus
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import ServiceHost

/// Providers' notices: checked, kept, answered; a job reads the state from the provider again.
struct NoticeHandlers: Sendable {
    let accounts: PaymentAccounts

    func register(in table: inout HandlerTable) {
        table.steps(PaymentEndpoints().receiveNotice) { input, context in try await receive(input, context) }
    }

    private func receive(_ input: WebhookPayload, _ context: OperationContext) async throws -> Reply<
        WebhookReceipt
    > {
        let (notice, entry) = try await verified(input, context)
        guard let id = notice.providerPaymentID else { return Reply(WebhookReceipt(received: true)) }
        // The clinic is the path's, which the signature has just proved; the caller has no scope of its own.
        let tenant = Tenant(input.clinicId, actor: "provider:\(input.provider)")
        try await context.database.transaction(for: tenant) { tx in
            let isNew = try PaymentStore.insert(
                notice,
                provider: input.provider,
                entry: entry.id,
                providerPaymentID: id,
                at: context.now,
                in: tx
            )
            guard isNew else { return }
            try Jobs.enqueue(
                SettlePayment.self,
                payload: .init(provider: input.provider, providerPaymentID: id, paymentID: notice.paymentID),
                lane: .critical,
                in: tx
            )
        }
        return Reply(WebhookReceipt(received: true))
    }

    private func verified(
        _ input: WebhookPayload,
        _ context: OperationContext
    ) async throws -> (ProviderNotice, ProviderEntry) {
        guard let provider = accounts.providers[input.provider] else { throw Problem.notFound }
        let entries = try await accounts.accounts(of: input.clinicId).entries
        for entry in entries where entry.provider == input.provider {
            do throws(Problem) {
                let notice = try provider.notice(
                    input.body.bytes,
                    headers: context.request.headers,
                    of: entry,
                    at: context.now
                )
                return (notice, entry)
            } catch {
                guard error == .invalidSignature else { throw error }
            }
        }
        throw Problem.invalidSignature
    }
}
