import CommunicationAPI
import Core
import Postgres
import Vault

/// The table `message_clinics`.
enum MessageClinicStore {
    /// Notes that a message is the clinic's that the transaction is opened for.
    static func insert(_ hash: [UInt8], in tx: borrowing Transaction) {
        tx.execute(
            "insert into message_clinics (id_hash, clinic_id) values (\(hash), clinic_id()) on conflict do nothing"
        )
    }

    /// Drops what was noted before, at most so many; gives how many.
    ///
    /// Runs with the `relay` role, which crosses clinics.
    static func forget(before: Instant, limit: Int, in tx: borrowing Transaction) throws -> Int {
        try tx.rows(
            """
            delete from message_clinics where ctid in
                (select ctid from message_clinics where noted_at < \(before) limit \(limit))
            """
        ).affected
    }

    /// Whose messages these are.
    ///
    /// Runs with the `lookup` role, which crosses clinics.
    static func clinics(_ hashes: [[UInt8]], in tx: borrowing Transaction) throws -> [[UInt8]: ClinicID] {
        guard !hashes.isEmpty else { return [:] }
        let rows = try tx.rows(
            "select id_hash, clinic_id from message_clinics where id_hash = any (\(ByteColumns(hashes)))"
        )
        var found: [[UInt8]: ClinicID] = [:]
        for row in rows { found[try row[0]] = try row[1] as ClinicID }
        return found
    }
}
