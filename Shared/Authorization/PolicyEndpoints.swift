package import Contracts
import Core

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

    package init() {}

    package var all: [any EndpointDescription] { [changes, recordDenials] }
}

/// Entries to be put into the trails of the clinics they name; unique by clinic and id, so that repeating is harmless.
package struct DenialReport: Wire {
    package static let largest = 100

    package var entries: [AuditRecord]

    package init(entries: [AuditRecord]) { self.entries = entries }
}
