import AccessAPI
import Authorization
import Contracts
package import Core
import Logging
import Postgres
package import Vault

/// What the operator's command line does to access itself, where nobody is signed in yet.
package enum AccessInstallation {
    /// A new super admin's way in.
    package struct Invited: Sendable {
        package let user: UserID
        /// Goes to `POST /auth/invitations/accept` once; shown once.
        package let token: Secret
        package let url: Secret
        package let expiresAt: Instant
    }

    /// Makes an account with the role SUPER_ADMIN and an invitation, and leaves an entry in the installation's log.
    ///
    /// An account that was made so before and has not been used gets a new invitation; one in use is refused with the
    /// problem `email_taken`.
    /// - Parameters:
    ///   - databaseURL: access' own, as its service logs in.
    ///   - keys: the whole key file, or access' view of it.
    ///   - actor: who sits at the command line, as the audit entry names them: a login name, never an address.
    package static func inviteSuperAdmin(
        email: EmailAddress,
        name: String,
        databaseURL: Secret,
        keys: KeyFile,
        publicURL: String,
        actor: String,
        at now: Instant = .now()
    ) async throws -> Invited {
        let accounts = Accounts(index: try BlindIndex(keys, service: .access), publicURL: publicURL)
        var configuration = DatabaseConfiguration(url: databaseURL, schema: AccessService.name.rawValue)
        configuration.requestConnections = 1
        configuration.doorConnections = 1
        let database = Database(configuration, logger: Logger(label: "operator"))
        defer { database.close() }
        let hash = accounts.emailHash(email)
        let known = try await database.through(.lookup) { tx in try UserStore.find(emailHash: hash, in: tx) }
        return try await database.transaction(for: Tenant(.installation, actor: "operator")) { tx in
            let user =
                try known.map { try unused($0, in: tx) }
                ?? accounts.add(email: email, name: name, locale: nil, at: now, in: tx)
            SystemRoleStore.set(SystemGrant(role: .superAdmin), for: user.id, by: actor, at: now, in: tx)
            UserStore.touch(user.id, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
            let invitation = accounts.invitation(of: user.id, into: .installation, by: actor, at: now, in: tx).shown
            AuditStore.append([record(of: user.id, actor, at: now)], in: tx)
            return Invited(
                user: user.id,
                token: Secret(invitation.token ?? ""),
                url: Secret(invitation.url ?? ""),
                expiresAt: invitation.expiresAt
            )
        }
    }

    private static func unused(_ id: UserID, in tx: borrowing Transaction) throws -> StoredUser {
        guard let user = try UserStore.find(id, in: tx), user.status == .invited,
            try SystemRoleStore.find(id, in: tx)?.role == .superAdmin
        else { throw Problem.conflict("email_taken", "There is an account with this address.") }
        return user
    }

    private static func record(of user: UserID, _ actor: String, at now: Instant) -> AuditRecord {
        AuditRecord(
            at: now,
            clinicId: .installation,
            actor: .init(type: Principal.Kind.operator.rawValue, id: actor),
            action: "users:system",
            resource: .init(type: "users", id: user.description),
            outcome: .succeeded,
            reason: "super_admin_invited",
            requestId: RequestID(at: now),
            source: .init(address: "", userAgent: "polyclinic")
        )
    }
}
