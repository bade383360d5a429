import Access
import AuditLog
import Core
import Crypto
import Vault

/// The witness that the sandbox plays to a private installation's audit logs; the same for as long as the home is there.
struct SandboxWitness: Sendable {
    private static let name = "sandbox.example/witness"

    private let seed: [UInt8]
    private let key: CosignerKey
    private let logKey: VerifierKey

    init(home: Home, keys: KeyFile) throws {
        let file = "\(home.path)/witness-key.json"
        let text: String
        if let known = try home.read(String.self, file) {
            text = known
        } else {
            text = RandomBytes.make(32).hex
            try home.write(text, file)
        }
        guard let seed = [UInt8](hex: text),
            let signer = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed),
            let key = CosignerKey(name: Self.name, publicKey: [UInt8](signer.publicKey.rawRepresentation))
        else { throw OperatorError("\(file) cannot be read; remove it to start over") }
        self.seed = seed
        self.key = key
        logKey = try AuditKeys(keys).verifierKey
    }

    /// What the sandbox is started with.
    var sandboxVariables: [String: String] {
        [
            "SANDBOX_WITNESS_SEED": seed.hex,
            "SANDBOX_WITNESS_LOGS": "\(AuditKeys.originPrefix) \(logKey)",
        ]
    }

    /// The value of `POLYCLINIC_AUDIT_WITNESSES`.
    func setting(sandboxPort: Int) -> String { "http://127.0.0.1:\(sandboxPort)/witness \(key)" }
}
