import Contracts
package import Core
import Postgres
import ProviderConfig

extension HandlerTable {
    /// Tells gateways whose webhooks the service takes: those of the providers that somebody has configured in it, or had until a
    /// while ago.
    ///
    /// - Parameter readable: the providers whose webhooks it reads at all.
    package mutating func webhookPairs(of service: ServiceName, readable: [String]) {
        steps(WebhookEndpoints(of: service).pairs) { query, context in
            guard query.owners.count <= WebhookPairsQuery.largest else {
                throw Problem.invalid("/owners", "has more than \(WebhookPairsQuery.largest) items")
            }
            let now = context.now
            let owners = try await context.database.through(.relay, operation: "webhooks.pairs") { tx in
                try ProviderConfigStore.webhookProviders(of: query.owners, at: now, in: tx)
            }
            return Reply(WebhookPairs(readable: readable, owners: owners))
        }
    }
}
