import AccessAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// Accepting an invitation.
struct InvitationHandlers: Sendable {
    let parts: AccessParts
    let authentication: AuthenticationHandlers

    func register(in table: inout HandlerTable) {
        table.steps(AuthenticationEndpoints().acceptInvitation) { try await accept($0, $1) }
    }

    /// An account without a password gets the one that is given.
    ///
    /// One that has a password must be opened with it, and one that is used without must be signed in to: an invitation,
    /// which its sender has seen, is no way into an account that exists.
    private func accept(_ request: AcceptInvitation, _ context: OperationContext) async throws -> Reply<SignedIn> {
        let token = OneTimeToken(presented: request.token, .invitation, index: parts.index)
        let clinic = try await parts.database.through(.lookup) { tx in
            try InvitationStore.clinic(tokenHash: token.hash, in: tx)
        }
        guard let clinic else { throw Problem.notFound }
        let tenant = Tenant(clinic, actor: "invitation")
        let invitation = try await parts.database.transaction(for: tenant) { tx in
            try Self.open(token, clinic, at: context.now, in: tx)
        }
        try await prove(invitation.user, by: request, clinic, context)
        let user = try await parts.database.transaction(for: tenant) { tx in
            let invitation = try Self.open(token, clinic, at: context.now, in: tx)
            return try join(invitation, context, in: tx)
        }
        return Reply(try await authentication.open(user, clinics: clinic == .installation ? [] : [clinic], context))
    }

    private static func open(
        _ token: OneTimeToken,
        _ clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> StoredInvitation {
        guard let invitation = try InvitationStore.find(tokenHash: token.hash, in: clinic, tx: tx) else {
            throw Problem.notFound
        }
        guard invitation.isOpen, invitation.expiresAt > now else {
            throw Problem.gone("invitation_expired", "The invitation has expired or was used.")
        }
        return invitation
    }

    private func prove(
        _ user: UserID,
        by request: AcceptInvitation,
        _ clinic: ClinicID,
        _ context: OperationContext
    ) async throws {
        let credential = try await parts.database.through(.installation) { tx in
            try CredentialStore.find(user, in: tx)
        }
        guard let credential else { throw Problem.notFound }
        guard credential.password != nil else {
            return try await setPassword(of: credential, by: request, clinic, context)
        }
        guard let password = request.password else { throw Problem.invalidCredentials }
        let check = PasswordCheck(parts: parts)
        let attempt = try await check.attempt(credential, password, context)
        let factor = PasswordCheck.Factor.asked(request.totp, try await check.secondFactor())
        let refusal = try await parts.database.through(.installation) { tx -> PasswordCheck.Refusal? in
            let verdict = try check.conclude(attempt, factor, beforeUse: true, at: context.now, in: tx)
            guard case .refused(let refusal) = verdict else { return nil }
            check.record(refusal, of: attempt, clinics: [clinic], context, in: tx)
            return refusal
        }
        if let refusal { throw refusal.problem }
    }

    /// The first password of an account; none where there is no e-mail address to sign in with beside it.
    private func setPassword(
        of credential: StoredCredential,
        by request: AcceptInvitation,
        _ clinic: ClinicID,
        _ context: OperationContext
    ) async throws {
        let user = credential.user
        let isInUse = try await parts.database.through(.installation) { tx in
            try CredentialStore.isInUse(user.id, in: tx)
        }
        guard user.status == .invited || !isInUse || context.principal.user == user.id else {
            throw Problem.invalidCredentials
        }
        guard user.email != nil else {
            if request.password != nil { throw Problem.invalid("/password", "goes with an e-mail address") }
            // Codes open nothing beyond the clinic that sent them: whoever has nothing else belongs to one.
            if credential.clinics.contains(where: { $0 != clinic }) {
                throw Problem.conflict("email_required", "Who belongs to several clinics needs an e-mail address.")
            }
            return
        }
        guard let password = request.password else { throw Problem.invalid("/password", "is required") }
        let hash = try await parts.passwords.hash(Secret(password))
        let isFirst = try await parts.database.through(.installation) { tx in
            try CredentialStore.insert(hash, for: user.id, at: context.now, in: tx)
        }
        if !isFirst { throw Problem.invalidCredentials }
    }

    private func join(
        _ invitation: StoredInvitation,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> StoredUser {
        InvitationStore.accept(invitation, at: context.now, in: tx)
        // The member's row before the policy's version: whoever else changes a member takes them in this order.
        let invited =
            invitation.clinic == .installation
            ? nil : try MemberStore.find(invitation.user, of: invitation.clinic, in: tx)
        let version = try PolicyVersionStore.raise(in: tx)
        UserStore.activate(invitation.user, at: context.now, policyVersion: version, in: tx)
        if var member = invited, member.status == .invited {
            member.status = .active
            member.updatedAt = context.now
            member.version = try MemberStore.update(member, in: tx)
            try MemberHandlers.announce(member, by: "user:\(invitation.user)", in: tx)
        }
        AuditStore.append(
            SignInRecords.make(
                context,
                user: invitation.user,
                clinics: [invitation.clinic],
                resource: (type: "invitations", id: invitation.id.description),
                .succeeded,
                reason: "accepted"
            ),
            in: tx
        )
        guard let user = try UserStore.find(invitation.user, in: tx), user.status == .active else {
            throw Problem.invalidCredentials
        }
        return user
    }
}
