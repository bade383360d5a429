package import Contracts
package import Core

/// What processes ask of access among themselves: never reachable from outside.
package struct PolicyEndpoints: Sendable {
    /// The difference of policy since a version, page by page.
    package let changes = Endpoint(
        "access.policy.changes",
        .GET,
        "/internal/policy",
        service: .access,
        guard: .internalOnly,
        tenancy: Tenancy.none,
        takes: PolicyChangesQuery.self,
        gives: PolicyChanges.self,
        audit: .none(because: "read by processes every second"),
        deadline: .seconds(2),
        summary: "Policy since a version"
    )
    /// Entries of denied requests into the trail; answered once they are committed.
    package let recordDenials = Endpoint(
        "access.denials.record",
        .POST,
        "/internal/denials",
        service: .access,
        guard: .internalOnly,
        tenancy: Tenancy.none,
        takes: DenialReport.self,
        gives: EmptyOutput.self,
        audit: .none(because: "its whole effect is audit entries"),
        idempotent: false,
        deadline: .seconds(2),
        summary: "Record denied requests"
    )
    /// When API keys were last used, as gateways noticed it.
    package let noteKeyUses = Endpoint(
        "access.api_keys.note_uses",
        .POST,
        "/internal/api-key-uses",
        service: .access,
        guard: .internalOnly,
        tenancy: Tenancy.none,
        takes: KeyUseReport.self,
        gives: EmptyOutput.self,
        audit: .none(because: "what keys are used for is audited by itself"),
        idempotent: false,
        deadline: .seconds(2),
        summary: "Note when API keys were used"
    )

    /// Has the owners tell everything again that a service keeps of them; answered once it is sure to happen.
    package let askResend = Endpoint(
        "access.resend.ask",
        .POST,
        "/internal/resend-asks",
        service: .access,
        guard: .internalOnly,
        tenancy: Tenancy.none,
        takes: ResendAsk.self,
        gives: EmptyOutput.self,
        audit: .none(because: "it changes nothing that is anybody's"),
        idempotent: false,
        errors: [ErrorCode(429, "too_many_asks")],
        deadline: .seconds(5),
        summary: "Have everything told again that a service keeps of others"
    )

    package init() {}

    package var all: [any EndpointDescription] { [changes, recordDenials, noteKeyUses, askResend] }
}

/// When API keys were last used, to the minute.
package struct KeyUseReport: Wire {
    package static let largest = 1_000

    /// A key and the last moment it was used.
    package struct Use: Wire, Hashable {
        package var key: APIKeyID
        package var at: Instant

        package init(key: APIKeyID, at: Instant) {
            self.key = key
            self.at = at
        }
    }

    package var uses: [Use]

    package init(uses: [Use]) { self.uses = uses }
}

/// Entries to be put into the trails of the clinics they name; unique by clinic and id, so that repeating is harmless.
package struct DenialReport: Wire {
    package static let largest = 100

    package var entries: [AuditRecord]

    package init(entries: [AuditRecord]) { self.entries = entries }
}
