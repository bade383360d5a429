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
}

/// The table `message_clinics`.
enum MessageClinicStore {
    /// Notes that a message is the clinic's that the transaction is opened for.
    static func insert(_ hash: [UInt8], in tx: borrowing Transaction) {
        tx.execute(
            "insert into message_clinics (id_hash, clinic_id) values (\(hash), clinic_id()) on conflict do nothing"
        )
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
