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
        let entries = try await entries(of: owner, provider, context)
        let all = (entries.present + entries.former).filter { $0.provider == provider }
        guard !all.contains(where: { reader.mayBeSigned(call, for: $0, at: context.now) }) else { return }
        throw Self.forged(provider)
    }

    private func take(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ provider: String,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> Reply<WebhookReceipt> {
        let (entries, signed) = try await read(call, with: reader, provider, owner, context)
        let (signers, reports) = (signed.map(\.entry), signed.flatMap(\.content.reports))
        if owner == .installation {
            try await share(reports, of: signers, context)
        } else {
            try await take(reports, of: signers, owner, context)
        }
        let mails = try await signed[0].content.mails()
        if !mails.isEmpty { try await bring(mails, through: signers[0], of: entries, owner, context) }
        // Entries of one account may be different numbers of it.
        for (entry, content) in signed { try await follow(content.changes, through: entry, owner, context) }
        for (entry, content) in signed { try await applyOptOuts(content.optOuts, through: entry, owner, context) }
        // Whoever was written to answers.
        for isOwn in [true, false] {
            for (entry, content) in signed {
                let texts = content.texts.filter { $0.isToOwnNumber == isOwn }
                try await hear(texts, through: entry, owner, context)
            }
        }
        try await alert(signed.flatMap(\.content.alerts), owner, context)
        Self.count(provider, "taken")
        return Reply(WebhookReceipt(received: true), status: reader.acknowledgement)
    }

    /// The entries of whom the webhook is for, former ones last, and what it tells each of those whose account has signed it.
    private func read(
        _ call: WebhookCall,
        with reader: any WebhookReader,
        _ provider: String,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws -> (all: [ProviderEntry], signed: [(entry: ProviderEntry, content: WebhookContent)]) {
        let entries = try await entries(of: owner, provider, context)
        var signed: [(entry: ProviderEntry, content: WebhookContent)] = []
        // One account may stand behind several entries, under the same key.
        for entry in entries.present where entry.provider == provider {
            guard let content = try await reader.read(call, for: entry, at: context.now) else { continue }
            signed.append((entry, content))
        }
        for entry in entries.former where entry.provider == provider {
            guard var content = try await reader.read(call, for: entry, at: context.now) else { continue }
            // Who was removed and configured anew has told it already.
            if signed.contains(where: { $0.entry.credentials == entry.credentials }) { content = WebhookContent() }
            // The number is nobody's any more: nothing can be confirmed from it.
            for place in content.texts.indices { content.texts[place].isToOwnNumber = false }
            signed.append((entry, content))
        }
        guard !signed.isEmpty else { throw Self.forged(provider) }
        guard signed.reduce(0, { $0 + $1.content.reports.count }) <= WebhookCall.mostReports else {
            throw Problem.malformed("The webhook tells of too much.")
        }
        return (entries.present + entries.former, signed)
    }

    private func entries(
        of owner: ClinicID,
        _ provider: String,
        _ context: OperationContext
    ) async throws -> WebhookEntries {
        let (store, now) = (store, context.now)
        let tenant = Tenant(owner, toldBy: provider)
        return try await context.database.read(for: tenant) { tx in
            try store.webhookEntries(owner, at: now, in: tx)
        }
    }

    private static func forged(_ provider: String) -> Problem {
        count(provider, "forged")
        return .invalidSignature
    }

    static func count(_ provider: String, _ outcome: String) {
        Counter(.webhooks, [(.provider, provider), (.outcome, outcome)]).increment()
    }
}
