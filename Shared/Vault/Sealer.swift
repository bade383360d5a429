package import Core

/// Seals one service's records: what is sealed for one place opens nowhere else.
///
/// The result begins with the data key's id (`1 ‖ data key id 16 ‖ envelope`); service, clinic, purpose, record and version
/// are authenticated and not stored.
package struct Sealer: Sendable {
    package static let format: UInt8 = 1
    private static let headerBytes = 17

    package let service: ServiceName

    package init(service: ServiceName) { self.service = service }

    /// Seals `plaintext` for one version of one record.
    ///
    /// `purpose` names the use (`provider credentials`), `record` the row.
    package func seal(
        _ plaintext: [UInt8],
        clinic: ClinicID,
        purpose: String,
        record: String,
        version: Int64,
        dataKey: DataKey
    ) throws(VaultError) -> [UInt8] {
        guard dataKey.clinic == clinic else { throw VaultError(.notAuthentic) }
        let data = associatedData(clinic, purpose, record, version, dataKey.id)
        return [Self.format] + dataKey.id.bytes
            + (try Envelope.seal(plaintext, key: dataKey.key, associatedData: data))
    }

    /// Opens what `seal` gave for the same place.
    ///
    /// `unknownKey` when it is under another data key than the one given.
    package func open(
        _ sealed: [UInt8],
        clinic: ClinicID,
        purpose: String,
        record: String,
        version: Int64,
        dataKey: DataKey
    ) throws(VaultError) -> [UInt8] {
        let id = try Self.dataKeyID(of: sealed)
        guard id == dataKey.id else { throw VaultError(.unknownKey, keyID: id.description) }
        guard dataKey.clinic == clinic else { throw VaultError(.notAuthentic) }
        let data = associatedData(clinic, purpose, record, version, id)
        return try Envelope.open(sealed[Self.headerBytes...], key: dataKey.key, associatedData: data)
    }

    /// The data key a sealed record needs.
    package static func dataKeyID(of sealed: [UInt8]) throws(VaultError) -> DataKeyID {
        guard sealed.count > headerBytes, sealed[0] == format, let id = DataKeyID(bytes: sealed[1..<headerBytes]) else {
            throw VaultError(.malformed)
        }
        return id
    }

    private func associatedData(
        _ clinic: ClinicID,
        _ purpose: String,
        _ record: String,
        _ version: Int64,
        _ dataKey: DataKeyID
    ) -> [UInt8] {
        AssociatedData([
            Array("record".utf8), Array(service.rawValue.utf8), clinic.bytes, Array(purpose.utf8), Array(record.utf8),
            Array(String(version).utf8), dataKey.bytes,
        ]).bytes
    }
}
