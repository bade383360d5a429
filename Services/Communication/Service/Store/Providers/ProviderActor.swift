import Contracts
import Core
import Outbox
import Postgres

/// How tables and the trail name a provider that has told us something.
enum ProviderActor {
    private static let prefix = "provider:"

    /// - Parameter provider: its name in configurations, like `aws_ses`.
    static func name(_ provider: String) -> String { prefix + provider }

    /// Whether a note of who did something names a provider.
    static func isOne(_ text: String) -> Bool { text.hasPrefix(prefix) }

    /// Leaves an entry in the clinic's trail about what a provider has answered or told.
    ///
    /// Throws `OutboxError.noClinic` in a transaction that is for none.
    ///
    /// - Parameters:
    ///   - resource: its type, and its id.
    ///   - reason: in a word of ours.
    ///   - means: what it was done with, as `AttemptStore.means` has it.
    static func audit(
        _ provider: String,
        _ action: Permission,
        on resource: (type: String, id: String),
        _ outcome: AuditRecord.Outcome,
        reason: String,
        using means: String? = nil,
        in tx: borrowing Transaction
    ) throws {
        guard let clinic = tx.tenant?.clinic else { throw OutboxError.noClinic }
        let now = Instant.now()
        let entry = AuditRecord(
            at: now,
            clinicId: clinic,
            actor: AuditRecord.Actor(Principal(kind: .provider, id: provider)),
            action: action.name,
            resource: .init(type: resource.type, id: resource.id),
            outcome: outcome,
            reason: reason,
            requestId: RequestID(at: now),
            source: .init(address: "", userAgent: ""),
            using: means
        )
        try Outbox.appendAudit(entry, in: tx)
    }
}

extension Tenant {
    /// For what a provider has told of a clinic's.
    init(_ clinic: ClinicID, toldBy provider: String) { self.init(clinic, actor: ProviderActor.name(provider)) }
}
