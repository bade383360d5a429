import Core
import Postgres
import ProviderConfig
import Vault

/// Asks for the second factor of whoever has one.
struct SecondFactorCheck: Sendable {
    enum Answer: Hashable, Sendable {
        /// The person has no second factor.
        case notNeeded
        case app
        case recoveryCode
        /// There is one and no code was given.
        case missing
        case wrong
    }

    let index: BlindIndex
    /// Opens the secrets.
    let sealer: ClinicSealer

    /// Takes a code, once: the steps up to its own are over with it, a recovery code is used up.
    func answer(
        _ code: String?,
        of user: UserID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Answer {
        guard let factor = try SecondFactorStore.find(user, in: tx), factor.isConfirmed else { return .notNeeded }
        guard let code else { return .missing }
        if try take(code, factor, of: user, at: now, in: tx) { return .app }
        guard let hash = RecoveryCode.hash(code, of: user, index: index),
            try SecondFactorStore.useRecoveryCode(hash, of: user, at: now, in: tx)
        else { return .wrong }
        return .recoveryCode
    }

    /// Whether the app's code is right and of a later step than the last one that was taken.
    func take(
        _ code: String,
        _ factor: StoredTOTP,
        of user: UserID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let secret = try sealer.open(factor.sealed, purpose: Self.purpose, record: user.description)
        guard let step = TOTP(secret: secret).step(of: code, at: now), step > factor.lastStep else { return false }
        SecondFactorStore.take(step, of: user, in: tx)
        return true
    }

    func seal(_ totp: TOTP, of user: UserID) throws -> [UInt8] {
        try sealer.seal(totp.secret, purpose: Self.purpose, record: user.description)
    }

    private static let purpose = "totp secret"
}
