package import AuditLog
import Core
import Postgres
import ProviderConfig
import ServiceHost
package import Vault

/// What the handlers are made of; built once.
struct AccessParts: Sendable {
    let database: Database
    let index: BlindIndex
    let cursors: CursorSeal
    let dataKeys: DataKeyStore
    let tokens: TokenSigner
    let passwords: PasswordHasher
    let audit: AuditKeys
    let notices: Notices
    let gateways: Gateways
    /// Whether people may register with a clinic of their own.
    let ownersMayRegister: Bool
    /// Where the installation is reached, without a trailing slash.
    let publicURL: String

    var accounts: Accounts { Accounts(index: index, publicURL: publicURL, notices: notices) }
}

/// The name and key that a clinic's checkpoints are signed with.
package struct AuditKeys: Sendable {
    let signer: NoteSigner
    /// What the signatures are verified with.
    package var verifierKey: VerifierKey { signer.verifierKey }
    /// What the origins of all logs begin with.
    package static let originPrefix = "polyclinic/audit/"

    /// Throws `KeyFileError` when there is no usable key.
    package init(_ keys: KeyFile) throws {
        guard let key = keys.auditSigningKey, let signer = NoteSigner(name: key.id, seed: key.key.bytes) else {
            throw KeyFileError("The key file has no audit signing key.")
        }
        self.signer = signer
    }

    /// Which log a checkpoint is of.
    func origin(of clinic: ClinicID) -> String {
        Self.originPrefix + (clinic == .installation ? "installation" : clinic.description)
    }
}
