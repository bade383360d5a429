package import Core
import Crypto
import CryptoExtras
import FoundationEssentials

/// How much work scrypt (RFC 7914) is: what is kept with every hash, so that it can be raised.
package struct PasswordCost: Hashable, Sendable, Codable {
    /// log2 of N.
    package var cost: Int
    /// r.
    package var blockSize: Int
    /// p.
    package var parallelism: Int

    package init(cost: Int, blockSize: Int = 8, parallelism: Int = 1) {
        self.cost = cost
        self.blockSize = blockSize
        self.parallelism = parallelism
    }

    /// N 32,768: 32 MiB and about 55 ms on the machine this was written on.
    package static let current = PasswordCost(cost: 15)

    /// In units of one block mixed once.
    package var work: Int { blockSize * parallelism << cost }

    /// What has to be done beside a run at this cost to have done the work of one at the present cost; `nil` for nothing.
    var supplement: PasswordCost? {
        let lacking = (Self.current.work - work) / (blockSize << cost)
        return lacking > 0 ? PasswordCost(cost: cost, blockSize: blockSize, parallelism: lacking) : nil
    }
}

/// A password as it is kept.
package struct PasswordHash: Hashable, Sendable {
    package var salt: [UInt8]
    package var hash: [UInt8]
    package var cost: PasswordCost

    package init(salt: [UInt8], hash: [UInt8], cost: PasswordCost) {
        self.salt = salt
        self.hash = hash
        self.cost = cost
    }

    /// Hashes with a new salt.
    ///
    /// Takes its time: call it on a thread that may be held up.
    package init(of password: Secret, cost: PasswordCost = .current) throws {
        let salt = RandomBytes.make(16)
        self.init(salt: salt, hash: try Self.derive(password, salt: salt, cost: cost), cost: cost)
    }

    /// Stands in where there is no account or no password, so that refusing takes the same time.
    package static let nobody = PasswordHash(
        salt: [UInt8](repeating: 0, count: 16),
        hash: [UInt8](repeating: 0, count: 32),
        cost: .current
    )

    /// Whether it was made with less work than hashes are made with now.
    package var isOutdated: Bool { cost.work < PasswordCost.current.work }

    /// Compares in constant time.
    ///
    /// Takes its time like `init(of:)`, and as much as a hash at the present cost even where this one is cheaper.
    package func matches(_ password: Secret) throws -> Bool {
        let derived = try Self.derive(password, salt: salt, cost: cost)
        if let supplement = cost.supplement { _ = try Self.derive(password, salt: salt, cost: supplement) }
        return derived.count == hash.count && zip(derived, hash).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(_ password: Secret, salt: [UInt8], cost: PasswordCost) throws -> [UInt8] {
        let key = try KDF.Scrypt.deriveKey(
            from: Data(password.unredacted.utf8),
            salt: Data(salt),
            outputByteCount: 32,
            rounds: 1 << cost.cost,
            blockSize: cost.blockSize,
            parallelism: cost.parallelism
        )
        return unsafe key.withUnsafeBytes { unsafe [UInt8]($0) }
    }
}
