import CommunicationAPI
import Core
import Postgres
import Vault

/// The table `number_clinics`: who wrote to whom through the installation's own providers.
enum RecipientClinicStore {
    /// Notes that the clinic the transaction is opened for has written to an address.
    static func insert(_ hash: [UInt8], at now: Instant, in tx: borrowing Transaction) {
        tx.execute("insert into number_clinics (id_hash, clinic_id, noted_at) values (\(hash), clinic_id(), \(now))")
    }

    /// Which clinics wrote to each address, for as long as that is kept (`PruneReportsJob.kept`).
    ///
    /// Runs with the `lookup` role, which crosses clinics.
    static func all(_ hashes: [[UInt8]], in tx: borrowing Transaction) throws -> [[UInt8]: Set<ClinicID>] {
        guard !hashes.isEmpty else { return [:] }
        let rows = try tx.rows(
            "select distinct id_hash, clinic_id from number_clinics where id_hash = any (\(ByteColumns(hashes)))"
        )
        var found: [[UInt8]: Set<ClinicID>] = [:]
        for row in rows { found[try row[0], default: []].insert(try row[1]) }
        return found
    }

    /// Drops what was noted before, at most so many; gives how many.
    ///
    /// Runs with the `relay` role, which crosses clinics.
    static func forget(before: Instant, limit: Int, in tx: borrowing Transaction) throws -> Int {
        try tx.rows(
            """
            delete from number_clinics where ctid in
                (select ctid from number_clinics where noted_at < \(before) limit \(limit))
            """
        ).affected
    }
}
