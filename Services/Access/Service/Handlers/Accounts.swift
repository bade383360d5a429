import AccessAPI
import Core
import Postgres

/// Making accounts that belong to no clinic yet.
enum Accounts {
    /// An account with an invitation of the installation.
    ///
    /// Throws 409 `email_taken`.
    ///
    /// Works in a transaction of the installation.
    static func invite(
        email: EmailAddress,
        name: String,
        locale: String?,
        _ parts: AccessParts,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> (user: SystemUser, token: OneTimeToken) {
        let user = StoredUser(
            id: UserID(at: now),
            email: email,
            name: name,
            locale: locale,
            status: .invited,
            createdAt: now,
            version: 1
        )
        let version = try PolicyVersionStore.raise(in: tx)
        do {
            try UserStore.insert(user, emailHash: parts.emailHash(email), policyVersion: version, in: tx)
        } catch let error as DatabaseError where error.constraint == "user_emails_pkey" {
            throw Problem.conflict("email_taken", "There is an account with this address.")
        }
        let token = OneTimeToken(.invitation, index: parts.index)
        InvitationStore.insert(user.id, into: .installation, tokenHash: token.hash, by: actor, at: now, in: tx)
        let invitation = Invitation(
            token: token.text.unredacted,
            url: parts.link(token),
            expiresAt: now + InvitationStore.lifetime
        )
        return (user.systemUser(nil, invitation: invitation), token)
    }
}
