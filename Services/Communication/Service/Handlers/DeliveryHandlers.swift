import Bus
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Providers' webhooks: the signature checked, each event kept once with its effect, then answered.
struct DeliveryHandlers: Sendable {
    let endpoints: DeliveryEndpoints
    let store: ProviderConfigStore

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.receive) { [self] input, context in try await receive(input, context) }
    }

    private func receive(
        _ input: WebhookNotice,
        _ context: OperationContext
    ) async throws -> Reply<WebhookReceipt> {
        guard input.provider == ZeptoMailProvider.name, input.clinicId != .installation else { throw Problem.notFound }
        let entry = try await signer(input, context)
        let items = try ZeptoMailNotice.items(input.body.bytes)
        let now = context.now
        // The clinic is the path's, which the signature has just proved; the caller has no scope of its own.
        let tenant = Tenant(input.clinicId, actor: "provider:\(input.provider)")
        try await context.database.transaction(for: tenant) { tx in
            // In one order, so that two notices about the same messages wait for each other instead of locking both.
            for item in items.sorted(by: {
                ($0.message?.description ?? "", $0.id) < ($1.message?.description ?? "", $1.id)
            }) {
                guard try DeliveryStore.insert(item, of: entry, at: now, in: tx), let id = item.message,
                    let event = item.event, try DeliveryStore.wasGiven(id, to: entry, in: tx)
                else { continue }
                try MessageStore.deliver(id, event, through: entry, at: now, in: tx)
            }
        }
        return Reply(WebhookReceipt(received: true))
    }

    /// The clinic's own entry whose key the notice is signed with.
    private func signer(_ input: WebhookNotice, _ context: OperationContext) async throws -> ProviderEntry {
        let (store, clinic) = (store, input.clinicId)
        let tenant = Tenant(clinic, actor: "provider:\(input.provider)")
        let entries = try await context.database.read(for: tenant) { tx in try store.load(clinic, in: tx)?.entries ?? []
        }
        let header = context.request.headers.first { $0.key.lowercased() == "producer-signature" }?.value
        let signer = entries.first { entry in
            entry.provider == input.provider
                && ZeptoMailNotice.isSigned(
                    input.body.bytes,
                    header,
                    secrets: entry.webhookSecrets(at: context.now)
                )
        }
        guard let signer else {
            throw Problem(401, "invalid_signature", "The notice is not signed by this clinic's provider.")
        }
        return signer
    }
}
