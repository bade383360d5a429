import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// What the processes of the suite ask of access.
struct PolicyHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = PolicyEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.changes) { query, context in
            let keys = parts.tokens.verificationKeys
            return Reply(
                try await parts.database.through(.installation) { tx in
                    try PolicyStore.changes(query, keys: keys, at: context.now, in: tx)
                }
            )
        }
        table.steps(endpoints.recordDenials) { report, _ in
            guard report.entries.count <= DenialReport.largest else {
                throw Problem.invalid("/entries", "has more than \(DenialReport.largest) items")
            }
            try await parts.database.through(.installation) { tx in AuditStore.append(report.entries, in: tx) }
            return Reply(EmptyOutput())
        }
        table.steps(endpoints.noteKeyUses) { report, _ in
            guard report.uses.count <= KeyUseReport.largest else {
                throw Problem.invalid("/uses", "has more than \(KeyUseReport.largest) items")
            }
            try await parts.database.through(.installation) { tx in APIKeyStore.note(report.uses, in: tx) }
            return Reply(EmptyOutput())
        }
    }
}
