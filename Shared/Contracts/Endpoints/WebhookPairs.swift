package import Core

/// Asks a service which providers somebody has there whose webhooks it would take.
package struct WebhookPairsQuery: Wire, Hashable {
    /// Owners in one question.
    package static let largest = 100

    /// Clinics, or the installation.
    package var owners: [ClinicID]

    package init(owners: [ClinicID]) { self.owners = owners }
}

/// Whose webhooks of which providers a service takes at the moment of the question.
package struct WebhookPairs: Wire, Hashable {
    /// The providers of a clinic, or of the installation.
    package struct Owner: Wire, Hashable {
        package var id: ClinicID
        /// Their names, of all channels; absent where nobody has written them down.
        package var providers: [String]?

        package init(id: ClinicID, providers: [String]?) {
            self.id = id
            self.providers = providers
        }
    }

    /// The providers whose webhooks the service reads at all.
    package var readable: [String]
    /// One for each that was asked about.
    package var owners: [Owner]

    package init(readable: [String], owners: [Owner]) {
        self.readable = readable
        self.owners = owners
    }
}

/// What gateways ask of a service that takes webhooks: never reachable from outside.
package struct WebhookEndpoints: Sendable {
    /// Names only, nothing of credentials; what is committed before the question is in the answer.
    package let pairs: Endpoint<WebhookPairsQuery, WebhookPairs>

    package init(of service: ServiceName) {
        pairs = Endpoint(
            "\(service.rawValue).webhooks.pairs",
            .GET,
            "/internal/webhook-pairs",
            service: service,
            guard: .internalOnly,
            tenancy: Tenancy.none,
            audit: .none(because: "names of providers, for gateways that refuse others' webhooks"),
            deadline: .seconds(1),
            summary: "Whose webhooks are taken"
        )
    }

    package var all: [any EndpointDescription] { [pairs] }
}
