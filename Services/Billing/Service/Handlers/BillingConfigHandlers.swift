import BillingAPI
import Bus
import Contracts
import Core
import Logging
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

/// The clinic's payment provider: read, replaced whole, secrets masked.
struct BillingConfigHandlers: Sendable {
    let store: ProviderConfigStore
    let resolver: ProviderConfigResolver
    let policy: OutboundPolicy
    let news: ConfigurationNews
    let publicURL: String

    func register(in table: inout HandlerTable) {
        let endpoints = BillingConfigEndpoints()
        table.read(endpoints.read) { _, context, tx in try read(context.clinic, tx) }
        table.read(endpoints.readOfClinic) { input, _, tx in try read(input.clinicId, tx) }
        table.steps(endpoints.replace) { input, context in try await replace(input.primary, context) }
        table.steps(endpoints.replaceOfClinic) { input, context in try await replace(input.primary, context) }
        let installation = InstallationBillingEndpoints()
        table.read(installation.read) { _, context, tx in
            try Self.checkReach(context)
            return try read(context.clinic, tx)
        }
        table.steps(installation.replace) { input, context in
            try Self.checkReach(context)
            return try await replace(input.primary, context)
        }
        table.change(installation.delete) { _, context, tx in
            try Self.checkReach(context)
            return try delete(context, tx)
        }
    }

    /// Who holds the permission for some clinics only does not hold it for the installation.
    private static func checkReach(_ context: OperationContext) throws(Problem) {
        guard context.scope == .clinic else { throw .forbidden(context.endpoint.auditAction) }
    }

    private func delete(_ context: OperationContext, _ tx: borrowing Transaction) throws -> Reply<EmptyOutput> {
        _ = try store.lock(context.clinic, in: tx)
        guard let stored = try store.load(context.clinic, in: tx) else { throw Problem.notConfigured }
        try context.checkMatch(version: stored.version)
        _ = try store.delete(stored, by: context.principal.id, at: context.now, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: stored.clinic.description))
    }

    private func read(_ clinic: ClinicID, _ tx: borrowing Transaction) throws -> Reply<BillingConfig> {
        guard let configuration = try store.load(clinic, in: tx) else { throw Problem.notConfigured }
        return try shown(configuration)
    }

    private func replace(_ draft: PaymentProviderDraft, _ context: OperationContext) async throws -> Reply<
        BillingConfig
    > {
        let reply = try await context.commit { tx throws -> Reply<BillingConfig> in
            let clinic = context.clinic
            _ = try store.lock(clinic, in: tx)
            let stored = try store.load(clinic, in: tx)
            if let stored {
                try context.checkNotThere()
                try context.checkMatch(version: stored.version)
            } else {
                try context.checkCreates()
            }
            let entry = ProviderEntryDraft(
                id: draft.id,
                channel: PaymentAccounts.channel,
                provider: draft.provider,
                position: 0,
                credentials: draft.credentials,
                pointer: "/primary"
            )
            let saved = try store.save(
                [entry],
                settings: stored?.settings ?? [:],
                replacing: stored,
                clinic: clinic,
                by: context.principal.id,
                at: context.now,
                rules: { faults(of: $0) },
                in: tx
            )
            var reply = try shown(saved)
            reply.status = stored == nil ? 201 : 200
            return reply
        }
        resolver.invalidate(context.clinic, version: reply.output.version)
        await news.publish(context.clinic, version: reply.output.version)
        return reply
    }

    /// What is wrong with an entry beyond the shape of its credentials: where they would have us connect to.
    private func faults(of entry: ProviderEntry) -> [CredentialFault] {
        guard let endpoint = entry.credentials.text("endpoint") else { return [] }
        do {
            try policy.check(endpoint: endpoint)
        } catch {
            return [CredentialFault("endpoint", error.description, code: "endpoint_not_allowed")]
        }
        return []
    }

    private func shown(_ configuration: ProviderConfiguration) throws -> Reply<BillingConfig> {
        guard let primary = configuration.entries(of: PaymentAccounts.channel).first else {
            throw Problem.notConfigured
        }
        let view = PaymentProviderView(
            id: primary.id,
            provider: primary.provider,
            credentials: store.shapes.masked(primary),
            version: primary.version,
            updatedAt: primary.updatedAt,
            updatedBy: primary.updatedBy,
            webhookUrl: configuration.clinic == .installation
                ? nil : "\(publicURL)/api/v1/webhooks/billing/\(primary.provider)/\(configuration.clinic)"
        )
        let config = BillingConfig(
            primary: view,
            version: configuration.version,
            updatedAt: configuration.updatedAt,
            updatedBy: configuration.updatedBy
        )
        return Reply(
            config,
            version: configuration.version,
            audit: AuditDetail(resource: configuration.clinic.description)
        )
    }
}

extension Problem {
    static let notConfigured = Problem(404, "not_configured", "The clinic has no payment provider.")
}
