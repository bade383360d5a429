package import Core
import Crypto

/// A clinic's data key of one service, in the clear: in memory only, overwritten when the last copy goes.
package struct DataKey: Sendable, CustomStringConvertible {
    package let id: DataKeyID
    package let clinic: ClinicID
    let key: SymmetricKey

    package var description: String { "data key \(id)" }
}

/// What a data key is called.
package typealias DataKeyID = TypedID<KeyFile.Key>

/// A data key as it is stored: wrapped under a key-encryption key.
package struct DataKeyRecord: Sendable, Hashable {
    package var id: DataKeyID
    package var clinic: ClinicID
    package var service: ServiceName
    package var wrapped: [UInt8]
    /// The key-encryption key it is wrapped under.
    package var keyID: String

    package init(id: DataKeyID, clinic: ClinicID, service: ServiceName, wrapped: [UInt8], keyID: String) {
        self.id = id
        self.clinic = clinic
        self.service = service
        self.wrapped = wrapped
        self.keyID = keyID
    }
}

/// Makes, unwraps and rewraps the data keys of one service with its ring of key-encryption keys.
package struct DataKeys: Sendable {
    package let service: ServiceName
    /// The key-encryption key that new data keys are wrapped under.
    package let currentKeyID: String
    private let ring: [String: SymmetricKey]

    /// Takes the keys of `service` out of its view; refused for another process's view.
    package init(_ keys: KeyFile, service: ServiceName) throws(KeyFileError) {
        let keys = keys.process == nil ? keys.view(for: .service(service)) { _, _ in [:] } : keys
        guard keys.process == .service(service) else {
            throw KeyFileError(
                "The key file is for \(keys.process?.description ?? "nobody"), not for \(service.rawValue)."
            )
        }
        guard let current = keys.currentID(of: .keyEncryption) else {
            throw KeyFileError("The key file has no current key-encryption key.")
        }
        self.service = service
        currentKeyID = current
        ring = Dictionary(keys.keyEncryptionKeys.map { ($0.id, $0.key.symmetric) }) { first, _ in first }
    }

    /// A new random data key and the record to store.
    package func make(clinic: ClinicID) throws(VaultError) -> (DataKey, DataKeyRecord) {
        let plain = KeyMaterial.random()
        let id = DataKeyID()
        let wrapped = try wrap(plain.bytes, id: id, clinic: clinic)
        let record = DataKeyRecord(id: id, clinic: clinic, service: service, wrapped: wrapped, keyID: currentKeyID)
        return (DataKey(id: id, clinic: clinic, key: plain.symmetric), record)
    }

    /// Opens a stored data key; `unknownKey` when it is wrapped under a key this process lacks.
    package func unwrap(_ record: DataKeyRecord) throws(VaultError) -> DataKey {
        DataKey(id: record.id, clinic: record.clinic, key: SymmetricKey(data: try plain(of: record)))
    }

    /// The same data key wrapped under the current key-encryption key; unchanged if it is already.
    package func rewrap(_ record: DataKeyRecord) throws(VaultError) -> DataKeyRecord {
        guard record.keyID != currentKeyID else { return record }
        var renewed = record
        renewed.wrapped = try wrap(try plain(of: record), id: record.id, clinic: record.clinic)
        renewed.keyID = currentKeyID
        return renewed
    }

    private func plain(of record: DataKeyRecord) throws(VaultError) -> [UInt8] {
        guard let key = ring[record.keyID] else { throw VaultError(.unknownKey, keyID: record.keyID) }
        guard record.service == service else { throw VaultError(.notAuthentic) }
        let data = associatedData(id: record.id, clinic: record.clinic, keyID: record.keyID)
        let plain = try Envelope.open(record.wrapped, key: key, associatedData: data)
        guard plain.count == KeyMaterial.byteCount else { throw VaultError(.malformed) }
        return plain
    }

    private func wrap(_ plain: [UInt8], id: DataKeyID, clinic: ClinicID) throws(VaultError) -> [UInt8] {
        guard let key = ring[currentKeyID] else { throw VaultError(.unknownKey, keyID: currentKeyID) }
        return try Envelope.seal(
            plain,
            key: key,
            associatedData: associatedData(id: id, clinic: clinic, keyID: currentKeyID)
        )
    }

    private func associatedData(id: DataKeyID, clinic: ClinicID, keyID: String) -> [UInt8] {
        AssociatedData([
            Array("data key".utf8), Array(service.rawValue.utf8), clinic.bytes, id.bytes, Array(keyID.utf8),
        ]).bytes
    }
}
