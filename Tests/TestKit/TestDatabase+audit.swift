package import Contracts
package import Core
import Postgres

extension TestDatabase {
    /// A clinic's audit entries that the outbox holds, oldest first.
    package func audit(of clinic: ClinicID) async throws -> [AuditRecord] {
        try await inspect(
            """
            select payload, version from outbox
            where clinic_id = \(clinic) and part = 'audit' and name = 'audit.entry' order by position
            """
        ) { rows in
            try rows.flatMap { row in
                let tape = try JSONTape(try row[0])
                return try row[1] == 1 ? [tape.decode(AuditRecord.self)] : tape.decode([AuditRecord].self)
            }
        }
    }
}
