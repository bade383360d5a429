import AuditLog
import Core
import Postgres
import ServiceHost
import Vault

/// What the handlers are made of; built once.
struct AccessParts: Sendable {
    let database: Database
    let index: BlindIndex
    let cursors: CursorSeal
    let tokens: TokenSigner
    let passwords: PasswordHasher
    let audit: AuditKeys
    /// Where the installation is reached, without a trailing slash.
    let publicURL: String

    /// The keyed hash an account is found by.
    func emailHash(_ address: EmailAddress) -> [UInt8] {
        index.token(address.normalized, purpose: "e-mail address", clinic: nil)
    }

    /// The link that carries an invitation's token.
    ///
    /// It stands behind the `#`, so that no server and no log sees it.
    func link(_ token: OneTimeToken) -> String { "\(publicURL)/invitation#\(token.text.unredacted)" }
}

/// The name and key that a clinic's checkpoints are signed with.
struct AuditKeys: Sendable {
    let signer: NoteSigner

    /// Throws `KeyFileError` when there is no usable key.
    init(_ keys: KeyFile) throws {
        guard let key = keys.auditSigningKey, let signer = NoteSigner(name: key.id, seed: key.key.bytes) else {
            throw KeyFileError("The key file has no audit signing key.")
        }
        self.signer = signer
    }

    /// Which log a checkpoint is of.
    func origin(of clinic: ClinicID) -> String {
        "polyclinic/audit/" + (clinic == .installation ? "installation" : clinic.description)
    }
}
