import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import Postgres
import ServiceHost

/// Signing in, staying signed in, signing out.
struct AuthenticationHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = AuthenticationEndpoints()
    private var passwordCheck: PasswordCheck { PasswordCheck(parts: parts) }

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.login) { try await login($0, $1) }
        table.steps(endpoints.refresh) { try await refresh($0, $1) }
        table.steps(endpoints.logout) { try await logout($0, $1) }
        table.steps(endpoints.listSessions) { try await listSessions($0, $1) }
        table.steps(endpoints.endSession) { try await endSession($0, $1) }
        table.steps(endpoints.keys) { _, _ in
            Reply(KeySet(keys: parts.tokens.verificationKeys.map { PublicKey(kid: $0.kid, x: $0.x, y: $0.y) }))
        }
    }

    private func login(_ request: LoginRequest, _ context: OperationContext) async throws -> Reply<SignedIn> {
        let attempt = try await passwordCheck.attempt(request.email, request.password, context)
        let concerned = Self.concerned(attempt.credential, request.clinicId)
        let factor = PasswordCheck.Factor.asked(request.totp, try await passwordCheck.secondFactor())
        let begun = NewSignIn(at: context.now, index: parts.index)
        let result = try await parts.database.through(.installation) { tx -> Result<StoredUser, Problem> in
            switch try passwordCheck.conclude(attempt, factor, at: context.now, in: tx) {
            case .refused(let refusal):
                passwordCheck.record(refusal, of: attempt, clinics: concerned, context, in: tx)
                return .failure(refusal.problem)
            case .proved(let how):
                guard let user = attempt.credential?.user else { return .failure(.invalidCredentials) }
                begun.store(of: user.id, clinics: concerned, how: how, context, in: tx)
                return .success(user)
            }
        }
        return Reply(try signedIn(try result.get(), begun.id, begun.refreshToken, context))
    }

    /// The clinics whose trails tell of a sign-in: the named one if the person belongs to it, else all.
    static func concerned(_ credential: StoredCredential?, _ named: ClinicID?) -> [ClinicID] {
        let clinics = credential?.clinics ?? []
        if let named, clinics.contains(named) { return [named] }
        return clinics
    }

    /// Opens a sign-in of somebody who has been proved otherwise, and leaves its entries.
    func open(_ user: StoredUser, clinics: [ClinicID], _ context: OperationContext) async throws -> SignedIn {
        let begun = NewSignIn(at: context.now, index: parts.index)
        try await parts.database.through(.installation) { tx in
            try passwordCheck.welcome(user, context, in: tx)
            begun.store(of: user.id, clinics: clinics, context, in: tx)
        }
        return try signedIn(user, begun.id, begun.refreshToken, context)
    }

    private func signedIn(
        _ user: StoredUser,
        _ signIn: SignInID,
        _ refreshToken: OneTimeToken,
        _ context: OperationContext
    ) throws -> SignedIn {
        SignedIn(
            accessToken: try parts.tokens.sign(user: user.id, signIn: signIn, at: context.now),
            refreshToken: refreshToken.text.unredacted,
            expiresIn: AccessToken.lifetime,
            user: user.account
        )
    }

    private func refresh(_ request: RefreshRequest, _ context: OperationContext) async throws -> Reply<SignedIn> {
        let token = OneTimeToken(presented: request.refreshToken, .refresh, index: parts.index)
        let successor = token.successor(index: parts.index)
        let stored = try await parts.database.through(.installation) { tx -> StoredRefreshToken? in
            guard let stored = try SignInStore.findToken(token.hash, in: tx) else { return nil }
            switch RefreshRule.decide(stored.known, at: context.now) {
            case .refuse: return nil
            case .repeatSuccessor: return stored
            case .rotate:
                SignInStore.replaceToken(
                    token.hash,
                    with: successor.hash,
                    of: stored.signIn,
                    at: context.now,
                    in: tx
                )
                return stored
            case .reused:
                try end(stored.signIn, of: stored.user.id, .reuse, context, outcome: .denied, in: tx)
                return nil
            }
        }
        guard let stored else { throw Problem.invalidRefreshToken }
        return Reply(try signedIn(stored.user, stored.signIn, successor, context))
    }

    private func logout(_ request: LogoutRequest, _ context: OperationContext) async throws -> Reply<EmptyOutput> {
        let token = request.refreshToken.map { OneTimeToken(presented: $0, .refresh, index: parts.index) }
        let caller = context.principal
        if token == nil && caller.signIn == nil { throw Problem.unauthenticated }
        try await parts.database.through(.installation) { tx in
            if let token, let stored = try SignInStore.findToken(token.hash, in: tx) {
                try end(stored.signIn, of: stored.user.id, .logout, context, outcome: .succeeded, in: tx)
            } else if let user = caller.user, let signIn = caller.signIn {
                try end(signIn, of: user, .logout, context, outcome: .succeeded, in: tx)
            }
        }
        return Reply(EmptyOutput())
    }

    private func listSessions(_ request: ListRequest, _ context: OperationContext) async throws -> Reply<Page<Session>>
    {
        guard let user = context.principal.user else { throw Problem.unauthenticated }
        let order = request.sort ?? .newestFirst
        let list = "sessions \(user) \(order.rawValue)"
        let last = try parts.cursors.open(request.cursor, list: list, clinic: .installation)?.first.flatMap(
            SignInID.init
        )
        let limit = request.limit ?? Page<Session>.usualLimit
        let found = try await parts.database.through(.installation) { tx in
            try SignInStore.list(
                user,
                current: context.principal.signIn,
                order: order,
                after: last,
                limit: limit + 1,
                at: context.now,
                in: tx
            )
        }
        return Reply(
            Page(found, limit: limit) { parts.cursors.seal([$0.id.description], list: list, clinic: .installation) }
        )
    }

    private func endSession(_ path: SessionPath, _ context: OperationContext) async throws -> Reply<EmptyOutput> {
        guard let user = context.principal.user else { throw Problem.unauthenticated }
        let ended = try await parts.database.through(.installation) { tx in
            try end(path.id, of: user, .ended, context, outcome: .succeeded, in: tx)
        }
        guard ended else { throw Problem.notFound }
        return Reply(EmptyOutput())
    }

    /// Ends a sign-in with its entries; `false` when there is nothing to end.
    @discardableResult
    private func end(
        _ signIn: SignInID,
        of user: UserID,
        _ reason: SignInEnd,
        _ context: OperationContext,
        outcome: AuditRecord.Outcome,
        in tx: borrowing Transaction
    ) throws -> Bool {
        guard try SignInStore.end(signIn, of: user, reason, at: context.now, in: tx) else { return false }
        let clinics = try CredentialStore.find(user, in: tx)?.clinics ?? []
        let resource = (type: "sign_ins", id: signIn.description)
        AuditStore.append(
            SignInRecords.make(
                context,
                user: user,
                clinics: clinics,
                resource: resource,
                outcome,
                reason: reason.rawValue
            ),
            in: tx
        )
        return true
    }
}

extension Problem {
    /// The same for a wrong password, an unknown address and an account that is shut.
    static let invalidCredentials = Problem(401, "invalid_credentials", "The e-mail address or the password is wrong.")
    static let invalidRefreshToken = Problem(
        401,
        "invalid_refresh_token",
        "The refresh token is not valid; sign in again."
    )
}
