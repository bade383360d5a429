package import Core
import Crypto

/// Finds a value again without storing it: HMAC-SHA256 under a key that only this service has.
///
/// Tokens of different clinics and purposes cannot be compared with one another.
package struct BlindIndex: Sendable {
    private let key: SymmetricKey

    /// Takes the index key out of a process's view (or derives it from the whole file).
    package init(_ keys: KeyFile, service: ServiceName) throws(KeyFileError) {
        let keys = keys.process == nil ? keys.view(for: .service(service)) { _, _ in [:] } : keys
        guard let key = keys.blindIndexKey, keys.process == .service(service) else {
            throw KeyFileError("The key file has no blind index key for \(service.rawValue).")
        }
        self.key = key.symmetric
    }

    /// 32 bytes for a value as its owner has normalised it; `clinic` is `nil` for values of the installation (an e-mail
    /// address at sign-in).
    package func token(_ value: String, purpose: String, clinic: ClinicID?) -> [UInt8] {
        let data = AssociatedData([
            Array("blind index".utf8), Array(purpose.utf8), clinic?.bytes ?? [], Array(value.utf8),
        ])
        return Array(HMAC<SHA256>.authenticationCode(for: data.bytes, using: key))
    }
}
