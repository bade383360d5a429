package import Core
import Crypto
import CryptoExtras
import FoundationEssentials

/// A password as it is kept: scrypt (RFC 7914) with r 8, p 1 and N 2^cost.
package struct PasswordHash: Hashable, Sendable {
    /// N 32,768: 32 MiB and about 55 ms on the machine this was written on.
    package static let currentCost = 15

    package var salt: [UInt8]
    package var hash: [UInt8]
    /// log2 of N.
    package var cost: Int

    package init(salt: [UInt8], hash: [UInt8], cost: Int) {
        self.salt = salt
        self.hash = hash
        self.cost = cost
    }

    /// Hashes with a new salt.
    ///
    /// Takes its time: call it on a thread that may be held up.
    package init(of password: Secret) throws {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        self.init(
            salt: salt,
            hash: try Self.derive(password, salt: salt, cost: Self.currentCost),
            cost: Self.currentCost
        )
    }

    /// Stands in where there is no account or no password, so that refusing takes the same time.
    package static let nobody = PasswordHash(
        salt: [UInt8](repeating: 0, count: 16),
        hash: [UInt8](repeating: 0, count: 32),
        cost: currentCost
    )

    /// Compares in constant time.
    ///
    /// Takes its time like `init(of:)`.
    package func matches(_ password: Secret) throws -> Bool {
        let derived = try Self.derive(password, salt: salt, cost: cost)
        return derived.count == hash.count && zip(derived, hash).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(_ password: Secret, salt: [UInt8], cost: Int) throws -> [UInt8] {
        let key = try KDF.Scrypt.deriveKey(
            from: Data(password.unredacted.utf8),
            salt: Data(salt),
            outputByteCount: 32,
            rounds: 1 << cost,
            blockSize: 8,
            parallelism: 1
        )
        return unsafe key.withUnsafeBytes { unsafe [UInt8]($0) }
    }
}
