import Bus
import CommunicationAPI
import Contracts
import Core
import Logging
import Metrics
import Postgres
import ProviderConfig
import ServiceHost
import Telemetry

/// Providers' webhooks: the signature checked, each event kept once with its effect, then answered.
struct WebhookHandlers: Sendable {
    let endpoints: DeliveryEndpoints
    let store: ProviderConfigStore
    let providers: MessageProviders
    let readers: [String: any WebhookReader]
    let intake: DeliveryIntake
    let inbound: InboundIntake
    let webhooks: WebhookAddresses
    let large: LargeWebhooks

    func register(in table: inout HandlerTable) {
        table.pieces(endpoints.receive) { [self] input, piece, context in
            // The installation's own have an address of their own.
            guard input.clinicId != .installation else { throw Problem.notFound }
            return try await receive(input.provider, piece, input.body, about: input.message, input.clinicId, context)
        }
        table.pieces(endpoints.receiveShared) { [self] input, piece, context in
            try await receive(input.provider, piece, input.body, about: input.message, .installation, context)
        }
    }

    /// Takes a webhook in once it is whole; no reply while pieces of it are still to come.
    private func receive(
        _ provider: String,
        _ piece: BodyPiece,
        _ body: RawBody,
        about message: MessageID?,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> Reply<WebhookReceipt>? {
        guard let reader = readers[provider] else { throw Problem.notFound }
        @Sendable func call(_ bytes: [UInt8]) -> WebhookCall {
            WebhookCall(
                body: bytes,
                headers: context.request.headers,
                url: webhooks.url(of: provider, owner, message: message),
                message: message
            )
        }
        let bytes = body.bytes
        if piece.isWhole {
            guard bytes.count <= reader.longestBody else { throw LargeWebhookRules.tooLarge(reader.longestBody) }
            return try await take(call(bytes), with: reader, provider, owner, context)
        }
        if piece.number == 0 { try await expect(call([]), with: reader, provider, owner, context) }
        try await large.keep(piece, bytes, of: provider, longest: reader.longestBody, owner, context)
        guard piece.isLast else { return nil }
        return try await large.read(of: provider, owner, context) { whole in
            try await take(call(whole), with: reader, provider, owner, context)
        }
    }

    /// Throws 401 where the headers show already that no entry's account can have signed it: nothing of it is kept then.
    private func expect(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ provider: String,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        let entries = try await entries(of: owner, provider, context).filter { $0.provider == provider }
        guard !entries.contains(where: { reader.mayBeSigned(call, for: $0, at: context.now) }) else { return }
        throw Self.forged(provider)
    }

    private func take(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ provider: String,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> Reply<WebhookReceipt> {
        let (entries, signers, reports) = try await read(call, with: reader, provider, owner, context)
        if owner == .installation {
            try await share(reports, of: signers, context)
        } else {
            try await take(reports, of: signers, owner, context)
        }
        let mails = try await reader.mails(call, for: signers[0], at: context.now)
        if !mails.isEmpty { try await bring(mails, through: signers[0], of: entries, owner, context) }
        try await follow(call, with: reader, signers, owner, context)
        try await applyOptOuts(call, with: reader, signers, owner, context)
        try await hear(call, with: reader, signers, owner, context)
        try await alert(call, with: reader, signers, owner, context)
        Self.count(provider, "taken")
        return Reply(WebhookReceipt(received: true), status: reader.acknowledgement)
    }

    /// The entries of whom the webhook is for, those whose account has signed it, and what it tells.
    private func read(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ provider: String,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> (all: [ProviderEntry], signers: [ProviderEntry], reports: [DeliveryReport]) {
        let entries = try await entries(of: owner, provider, context)
        var signers: [ProviderEntry] = []
        var reports: [DeliveryReport] = []
        // One account may stand behind several entries, under the same key.
        for entry in entries where entry.provider == provider {
            guard let found = try await reader.reports(call, for: entry, at: context.now) else { continue }
            signers.append(entry)
            reports += found
        }
        guard !signers.isEmpty else { throw Self.forged(provider) }
        guard reports.count <= WebhookCall.mostReports else {
            throw Problem.malformed("The webhook tells of too much.")
        }
        return (entries, signers, reports)
    }

    private func entries(
        of owner: ClinicID,
        _ provider: String,
        _ context: OperationContext
    ) async throws -> [ProviderEntry] {
        let store = store
        let tenant = Tenant(owner, toldBy: provider)
        return try await context.database.read(for: tenant) { tx in try store.load(owner, in: tx)?.entries ?? [] }
    }

    private static func forged(_ provider: String) -> Problem {
        count(provider, "forged")
        return Problem(401, "invalid_signature", "The webhook is not signed by this clinic's provider.")
    }

    static func count(_ provider: String, _ outcome: String) {
        Counter(.webhooks, [(.provider, provider), (.outcome, outcome)]).increment()
    }
}
