import CommunicationAPI
import Core
import Postgres
import Vault

/// What the installation's providers call a clinic's message, hashed so that it tells nothing.
struct MessageDoor: Sendable {
    private static let purpose = "message at a provider"

    let blindIndex: BlindIndex

    /// - Parameter id: ours as the provider gives it back, or the provider's own.
    func hash(_ provider: String, _ id: String) -> [UInt8] {
        blindIndex.token("\(provider)\n\(id)", purpose: Self.purpose, clinic: nil)
    }

    /// An address that the installation's provider was given.
    func hash(_ provider: String, to address: ChannelAddress) -> [UInt8] {
        hash(provider, "\(address.channel.rawValue) \(address.normalized)")
    }
}

/// The table `number_clinics`: who wrote to whom through the installation's own providers.
enum NumberClinicStore {
    /// Notes that the clinic the transaction is opened for has written to an address.
    static func insert(_ hash: [UInt8], at now: Instant, in tx: borrowing Transaction) {
        tx.execute("insert into number_clinics (id_hash, clinic_id, noted_at) values (\(hash), clinic_id(), \(now))")
    }

    /// Which clinics wrote to each address, for as long as that is kept (`ForgetReports.kept`).
    ///
    /// Through the lookup door.
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
    /// Through the relay's door.
    static func forget(before: Instant, limit: Int, in tx: borrowing Transaction) throws -> Int {
        try tx.rows(
            """
            delete from number_clinics where ctid in
                (select ctid from number_clinics where noted_at < \(before) limit \(limit))
            """
        ).affected
    }
}

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
    /// Through the relay's door.
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
    /// Through the lookup door.
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
