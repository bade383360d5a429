import Core
import Postgres
import ProviderConfig

/// Finds the provider and the account for a payment: a new one's by the configuration, an old one's as it was begun.
struct PaymentAccounts: Sendable {
    static let channel = "payments"

    let database: Database
    let store: ProviderConfigStore
    let resolver: ProviderConfigResolver
    let providers: [String: any PaymentProvider]

    /// The accounts a clinic has now, primary first.
    func accounts(of clinic: ClinicID) async throws -> ResolvedChain {
        try await resolver.resolve(clinic, channel: Self.channel)
    }

    /// The account that began a payment: as it is now, else as it was then.
    func account(of payment: StoredPayment, clinic: ClinicID) async throws -> (any PaymentProvider, ProviderEntry) {
        guard let provider = providers[payment.provider] else { throw Problem.unavailable("The payment provider") }
        if let entry = try await accounts(of: clinic).entries.first(where: { $0.id == payment.entry }) {
            return (provider, entry)
        }
        let store = store
        let tenant = Tenant(clinic, actor: Invoicing.actor)
        let then = try await database.transaction(for: tenant, lane: .background) { tx in
            try store.load(clinic, version: payment.configVersion, in: tx)
        }
        guard let entry = then?.entries.first(where: { $0.id == payment.entry }) else {
            throw Problem.unavailable("The payment account")
        }
        return (provider, entry)
    }
}
