import AccessAPI
import Contracts
import Core
import Jobs
import Postgres
import ServiceHost

/// Changing a password, and getting by without the one that was forgotten.
struct PasswordHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = PasswordEndpoints()
    private var account: OwnAccount { OwnAccount(parts: parts) }

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.change) { try await change($0, $1) }
        table.steps(endpoints.forgot) { try await forgot($0, $1) }
        table.steps(endpoints.reset) { try await reset($0, $1) }
    }

    private func change(_ request: PasswordChange, _ context: OperationContext) async throws -> Reply<EmptyOutput> {
        let attempt = try await account.attempt(request.currentPassword, context)
        var hash: PasswordHash?
        if attempt.matches, let credential = attempt.credential {
            hash = try await parts.passwords.hash(Secret(request.newPassword))
            try await announce(credential, context)
        }
        let new = hash
        let output = try await account.change(attempt, context) { user, tx -> Result<EmptyOutput, Problem> in
            guard let new else { return .failure(.invalidCredentials) }
            CredentialStore.set(new, for: user.id, at: context.now, in: tx)
            try SignInStore.endAll(of: user.id, except: context.principal.signIn, .password, at: context.now, in: tx)
            PasswordResetStore.useAll(of: user.id, at: context.now, in: tx)
            return .success(EmptyOutput())
        }
        return Reply(output)
    }

    /// Answers alike, after the same work, whoever is named.
    private func forgot(_ request: ForgottenPassword, _ context: OperationContext) async throws -> Reply<ResetRequested>
    {
        let emailHash = parts.accounts.emailHash(request.email)
        let known = try await parts.database.through(.lookup) { tx in
            try UserStore.find(emailHash: emailHash, in: tx)
        }
        let stranger = UserID(at: context.now)
        let asked = known ?? stranger
        let (credential, system) = try await parts.database.through(.installation) { tx in
            (try CredentialStore.find(asked, in: tx), try SystemRoleStore.find(asked, in: tx))
        }
        let canSignIn = credential?.password != nil && credential?.user.status == .active
        let clinics = credential.map { AuthenticationHandlers.concerned($0, request.clinicId) } ?? []
        let payload = SendPasswordReset.Payload(
            user: canSignIn ? credential?.user.id : nil,
            clinic: PasswordReset.sender(clinics: credential?.clinics ?? [], hasSystemRole: system != nil)
        )
        let records = SignInRecords.make(
            context,
            user: credential?.user.id,
            clinics: clinics,
            resource: (type: "users", id: credential?.user.id.description ?? "unknown"),
            canSignIn ? .succeeded : .denied,
            reason: canSignIn
                ? nil : (credential == nil ? PasswordCheck.Refusal.unknownAccount : .notActive).rawValue
        )
        try await parts.database.transaction(for: context.tenant) { tx in
            try Jobs.enqueue(SendPasswordReset.self, payload: payload, lane: .critical, in: tx)
            AuditStore.append(records, in: tx)
        }
        return Reply(ResetRequested())
    }

    private func reset(_ request: NewPassword, _ context: OperationContext) async throws -> Reply<EmptyOutput> {
        let token = OneTimeToken(presented: request.token, .passwordReset, index: parts.index)
        let credential = try await parts.database.through(.installation) { tx -> StoredCredential in
            let user = try Self.open(token, at: context.now, in: tx)
            guard let credential = try CredentialStore.find(user, in: tx) else { throw Problem.notFound }
            return credential
        }
        let hash = try await parts.passwords.hash(Secret(request.password))
        try await announce(credential, context)
        try await parts.database.through(.installation) { tx in
            let user = try Self.open(token, at: context.now, in: tx)
            PasswordResetStore.useAll(of: user, at: context.now, in: tx)
            CredentialStore.set(hash, for: user, at: context.now, in: tx)
            try SignInStore.endAll(of: user, except: nil, .password, at: context.now, in: tx)
            // Whoever reads the account's mail is its owner, and is let in from here whoever else is guessing.
            try PasswordCheck(parts: parts).welcome(credential.user, context, in: tx)
            account.record(Result<EmptyOutput, Problem>.success(EmptyOutput()), of: credential, context, in: tx)
        }
        return Reply(EmptyOutput())
    }

    /// Whose link it is; throws 404 for none, 410 for one that is over.
    private static func open(_ token: OneTimeToken, at now: Instant, in tx: borrowing Transaction) throws -> UserID {
        guard let known = try PasswordResetStore.find(token.hash, in: tx) else { throw Problem.notFound }
        guard known.isOpen(at: now) else {
            throw Problem.gone("reset_expired", "The link has expired or was used; ask for another one.")
        }
        return known.user
    }

    /// Has the person told once the change, which is marked with the operation's moment, has come about.
    private func announce(_ credential: StoredCredential, _ context: OperationContext) async throws {
        let payload = TellPasswordChanged.Payload(
            user: credential.user.id,
            clinic: credential.clinics.first ?? .installation,
            at: context.now
        )
        try await parts.database.transaction(for: context.tenant) { tx in
            _ = try Jobs.enqueue(TellPasswordChanged.self, payload: payload, in: tx)
        }
    }
}
