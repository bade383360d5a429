import Contracts
import Core
import Crypto

/// An API key as its holder shows it: `pck_`, a prefix in the clear, and 256 bits of the system's generator.
///
/// So much chance needs no slow hash: what is stored is its SHA-256.
struct APIKeySecret: Sendable {
    private static let prefixBytes = 8
    private static let secretBytes = 32

    /// `pck_` and sixteen digits, the same for every secret of a key.
    let prefix: String
    /// Shown once.
    let text: Secret
    let hash: [UInt8]

    /// - Parameter prefix: that of the key whose secret it is to be; a new one when absent.
    init(prefix: String? = nil) {
        let prefix = prefix ?? "pck_" + RandomBytes.make(Self.prefixBytes).hex
        let text = prefix + "_" + Base64URL.encode(RandomBytes.make(Self.secretBytes))
        self.prefix = prefix
        self.text = Secret(text)
        hash = Array(SHA256.hash(data: Array(text.utf8)))
    }
}
