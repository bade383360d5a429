import AuditLog
import Core
import Postgres

/// The table `audit_cosignatures`: what witnesses said of a clinic's checkpoints.
enum CosignatureStore {
    /// The largest size that a witness has cosigned, as far as we know.
    static func newestSize(
        by witness: CosignerKey,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> Int64? {
        let rows = try tx.rows(
            """
            select size from audit_cosignatures where clinic_id = \(clinic) and witness = \(witness.description)
            order by size desc limit 1
            """
        )
        return try rows.first.map { try $0[0] }
    }

    /// Keeps a cosignature beside its checkpoint; of several by one witness the first.
    static func insert(
        _ cosignature: Cosignature,
        by witness: CosignerKey,
        size: Int64,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            insert into audit_cosignatures (clinic_id, size, witness, line, cosigned_at)
            values (\(clinic), \(size), \(witness.description), \(cosignature.line), \(cosignature.at))
            on conflict do nothing
            """
        )
    }
}
