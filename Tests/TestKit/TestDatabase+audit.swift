package import Contracts
package import Core
import Postgres

extension TestDatabase {
    /// A clinic's audit entries that the outbox holds, oldest first.
    package func audit(of clinic: ClinicID) async throws -> [AuditRecord] {
        try await inspect(
            """
            select payload from outbox where clinic_id = \(clinic) and part = 'audit' and name = 'audit.entry'
            order by position
            """
        ) { rows in try rows.flatMap { try JSONTape(try $0[0]).decode([AuditRecord].self) } }
    }
}
