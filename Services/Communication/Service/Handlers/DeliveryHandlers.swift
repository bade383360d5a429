import Bus
import CommunicationAPI
import Contracts
import Core
import Metrics
import Postgres
import ProviderConfig
import ServiceHost
import Telemetry

/// Providers' webhooks: the signature checked, each event kept once with its effect, then answered.
struct DeliveryHandlers: Sendable {
    let endpoints: DeliveryEndpoints
    let store: ProviderConfigStore
    let readers: NoticeReaders
    let intake: DeliveryIntake
    /// Wakes the workers: reports may wait for a message.
    let wake: WakeSignal

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.receive) { [self] input, context in try await receive(input, context) }
    }

    private func receive(
        _ input: WebhookNotice,
        _ context: OperationContext
    ) async throws -> Reply<WebhookReceipt> {
        guard let reader = readers[input.provider], input.clinicId != .installation else { throw Problem.notFound }
        // The clinic is the path's, which the signature proves; the caller has no scope of its own.
        let tenant = Tenant(input.clinicId, actor: "provider:\(input.provider)")
        let call = WebhookCall(body: input.body.bytes, headers: context.request.headers)
        let (signers, reports) = try await read(call, with: reader, input, tenant, context)
        let (intake, clinic, now) = (intake, input.clinicId, context.now)
        let waits = try await context.database.transaction(for: tenant) { [id = context.requestID] tx in
            try intake.take(reports, of: signers, notice: id, clinic: clinic, at: now, in: tx)
        }
        if waits { wake.signal() }
        Self.count(input.provider, "taken")
        return Reply(WebhookReceipt(received: true))
    }

    /// The clinic's own entries whose account has signed the webhook, and what it tells.
    private func read(
        _ call: WebhookCall,
        with reader: any NoticeReader,
        _ input: WebhookNotice,
        _ tenant: Tenant,
        _ context: OperationContext
    ) async throws -> ([ProviderEntry], [DeliveryReport]) {
        let (store, clinic) = (store, input.clinicId)
        let entries = try await context.database.read(for: tenant) { tx in try store.load(clinic, in: tx)?.entries ?? []
        }
        var signers: [ProviderEntry] = []
        var reports: [DeliveryReport] = []
        // One account may stand behind several entries, under the same key.
        for entry in entries where entry.provider == input.provider {
            guard let found = try await reader.reports(call, for: entry, at: context.now) else { continue }
            signers.append(entry)
            reports = found
        }
        guard !signers.isEmpty else {
            Self.count(input.provider, "forged")
            throw Problem(401, "invalid_signature", "The notice is not signed by this clinic's provider.")
        }
        return (signers, reports)
    }

    private static func count(_ provider: String, _ outcome: String) {
        Counter(.webhooks, [(.provider, provider), (.outcome, outcome)]).increment()
    }
}
