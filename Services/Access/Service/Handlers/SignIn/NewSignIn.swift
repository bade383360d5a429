import Bus
import Contracts
import Core
import Postgres
import ServiceHost
import Vault

/// A sign-in that is about to be opened, with its first refresh token.
struct NewSignIn: Sendable {
    let id: SignInID
    let refreshToken: OneTimeToken

    init(at now: Instant, index: BlindIndex) {
        id = SignInID(at: now)
        refreshToken = OneTimeToken(.refresh, index: index)
    }

    /// Opens it and leaves its entries.
    ///
    /// Through the installation's door.
    func store(
        of user: UserID,
        clinics: [ClinicID],
        how: String? = nil,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) {
        SignInStore.insert(
            id,
            of: user,
            address: context.source.address,
            userAgent: context.source.userAgent,
            at: context.now,
            in: tx
        )
        SignInStore.insertToken(refreshToken.hash, of: id, at: context.now, in: tx)
        let resource = (type: "sign_ins", id: id.description)
        AuditStore.append(
            SignInRecords.make(context, user: user, clinics: clinics, resource: resource, .succeeded, reason: how),
            in: tx
        )
    }
}
