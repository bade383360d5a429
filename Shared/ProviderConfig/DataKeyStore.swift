package import Core
package import Postgres
import Synchronization
package import Vault

/// The data keys of a service's clinics: made when first needed, unwrapped once, kept in memory up to a bound.
package final class DataKeyStore: Sendable {
    /// Clinics whose keys are kept in memory.
    package static let capacity = 10_000

    private struct State {
        var sealers: [ClinicID: ClinicSealer] = [:]
    }

    private let keys: DataKeys
    private let database: Database
    private let sealer: Sealer
    private let state = Mutex(State())

    package init(_ keys: DataKeys, database: Database) {
        self.keys = keys
        self.database = database
        sealer = Sealer(service: keys.service)
    }

    /// The clinic's current data key.
    ///
    /// Throws `VaultError` (transient for an unknown key) or `DatabaseError`.
    package func key(for clinic: ClinicID) async throws -> DataKey { try await self.sealer(for: clinic).current }

    /// What seals and opens the clinic's records.
    package func sealer(for clinic: ClinicID) async throws -> ClinicSealer {
        if let known = cached(clinic) { return known }
        let tenant = Tenant(clinic, actor: "vault")
        return try await database.transaction(for: tenant, lane: .background) { [self] tx in
            try self.sealer(for: clinic, in: tx)
        }
    }

    /// The same inside a transaction that was opened for the clinic.
    package func sealer(for clinic: ClinicID, in tx: borrowing Transaction) throws -> ClinicSealer {
        if let known = cached(clinic) { return known }
        var (found, current) = try stored(clinic, in: tx)
        let wasThere = current != nil
        if current == nil {
            let (_, record) = try keys.make(clinic: clinic)
            // Whoever comes second waits here for the first one's commit and then finds its key.
            tx.execute(
                """
                insert into data_keys (clinic_id, id, wrapped, key_id, is_current)
                values (\(clinic), \(record.id), \(record.wrapped), \(record.keyID), true)
                on conflict (clinic_id) where is_current do nothing
                """
            )
            (found, current) = try stored(clinic, in: tx)
        }
        guard let current else { throw VaultError(.unknownKey) }
        let made = ClinicSealer(clinic: clinic, sealer: sealer, keys: found, current: current)
        // A key made in this transaction is not kept: the transaction may still be undone.
        if wasThere { remember(made) }
        return made
    }

    /// Wraps up to `limit` data keys anew that are not under the current key-encryption key; returns how many.
    package func rewrap(limit: Int = 500) async throws -> Int {
        let keys = keys
        return try await database.through(.relay) { tx in
            let rows = try tx.rows(
                """
                select clinic_id, id, wrapped, key_id from data_keys where key_id <> \(keys.currentKeyID)
                order by clinic_id, id limit \(limit) for update skip locked
                """
            )
            for row in rows {
                let record = DataKeyRecord(
                    id: try row[1],
                    clinic: try row[0],
                    service: keys.service,
                    wrapped: try row[2],
                    keyID: try row[3]
                )
                let renewed = try keys.rewrap(record)
                tx.execute(
                    """
                    update data_keys set wrapped = \(renewed.wrapped), key_id = \(renewed.keyID)
                    where clinic_id = \(record.clinic) and id = \(record.id)
                    """
                )
            }
            return rows.count
        }
    }

    /// How many data keys are wrapped under each key-encryption key.
    package func usage() async throws -> [String: Int] {
        try await database.through(.relay) { tx in
            var usage: [String: Int] = [:]
            for row in try tx.rows("select key_id, count(*) from data_keys group by key_id") {
                let count: Int = try row[1]
                usage[try row[0]] = count
            }
            return usage
        }
    }

    private func stored(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> ([DataKeyID: DataKey], DataKey?) {
        var found: [DataKeyID: DataKey] = [:]
        var current: DataKey?
        for row in try tx.rows("select id, wrapped, key_id, is_current from data_keys where clinic_id = \(clinic)") {
            let record = DataKeyRecord(
                id: try row[0],
                clinic: clinic,
                service: keys.service,
                wrapped: try row[1],
                keyID: try row[2]
            )
            let key = try keys.unwrap(record)
            found[record.id] = key
            if try row[3] { current = key }
        }
        return (found, current)
    }

    private func cached(_ clinic: ClinicID) -> ClinicSealer? { state.withLock { $0.sealers[clinic] } }

    private func remember(_ made: ClinicSealer) {
        state.withLock { state in
            if state.sealers.count >= Self.capacity, let any = state.sealers.keys.first { state.sealers[any] = nil }
            state.sealers[made.clinic] = made
        }
    }
}

/// Seals and opens the records of one clinic in one service.
package struct ClinicSealer: Sendable {
    package let clinic: ClinicID
    let sealer: Sealer
    let keys: [DataKeyID: DataKey]
    let current: DataKey

    /// Seals for one version of one record; see `Sealer`.
    package func seal(
        _ plaintext: [UInt8],
        purpose: String,
        record: String,
        version: Int64 = 1
    ) throws(VaultError) -> [UInt8] {
        try sealer.seal(
            plaintext,
            clinic: clinic,
            purpose: purpose,
            record: record,
            version: version,
            dataKey: current
        )
    }

    /// Opens what `seal` gave for the same place.
    package func open(
        _ sealed: [UInt8],
        purpose: String,
        record: String,
        version: Int64 = 1
    ) throws(VaultError) -> [UInt8] {
        let id = try Sealer.dataKeyID(of: sealed)
        guard let key = keys[id] else { throw VaultError(.unknownKey, keyID: id.description) }
        return try sealer.open(
            sealed,
            clinic: clinic,
            purpose: purpose,
            record: record,
            version: version,
            dataKey: key
        )
    }
}
