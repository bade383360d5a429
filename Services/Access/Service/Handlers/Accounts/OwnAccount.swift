import Contracts
import Core
import Postgres
import ServiceHost

/// What people change of their own account after proving themselves once more.
struct OwnAccount: Sendable {
    let parts: AccessParts
    private var check: PasswordCheck { PasswordCheck(parts: parts) }

    /// The caller's account with what it is proved by.
    func credential(_ context: OperationContext) async throws -> StoredCredential {
        guard let user = context.principal.user else { throw Problem.unauthenticated }
        let found = try await parts.database.through(.installation) { tx in try CredentialStore.find(user, in: tx) }
        guard let found else { throw Problem.unauthenticated }
        return found
    }

    /// The caller's password, compared.
    func attempt(_ password: String, _ context: OperationContext) async throws -> PasswordCheck.Attempt {
        try await check.attempt(try await credential(context), password, context)
    }

    /// The second factor, where it has to be shown beside the password.
    func factor(_ code: String) async throws -> PasswordCheck.Factor { .asked(code, try await check.secondFactor()) }

    /// Throws unless the password is right; the entry of a refusal stays.
    func prove(_ password: String, _ context: OperationContext) async throws {
        let attempt = try await attempt(password, context)
        let refusal = try await parts.database.through(.installation) { tx -> PasswordCheck.Refusal? in
            guard case .refused(let refusal) = try check.conclude(attempt, at: context.now, in: tx) else { return nil }
            check.record(refusal, of: attempt, clinics: attempt.credential?.clinics ?? [], context, in: tx)
            return refusal
        }
        if let refusal { throw refusal.problem }
    }

    /// Carries out `body` when the password and, where it is asked for, the code are right; the entries are committed
    /// with the effect, those of a refusal as well.
    func change<R: Sendable>(
        _ attempt: PasswordCheck.Attempt,
        asking factor: PasswordCheck.Factor = .notAsked,
        _ context: OperationContext,
        _ body: @escaping @Sendable (StoredUser, borrowing Transaction) throws -> Result<R, Problem>
    ) async throws -> R {
        let result = try await parts.database.through(.installation) { tx -> Result<R, Problem> in
            guard let credential = attempt.credential else { return .failure(.unauthenticated) }
            switch try check.conclude(attempt, factor, at: context.now, in: tx) {
            case .refused(let refusal):
                check.record(refusal, of: attempt, clinics: credential.clinics, context, in: tx)
                return .failure(refusal.problem)
            case .proved:
                let result = try body(credential.user, tx)
                record(result, of: credential, context, in: tx)
                return result
            }
        }
        return try result.get()
    }

    /// The entries of something that was done, or refused for another reason than its proof.
    func record<R>(
        _ result: Result<R, Problem>,
        of credential: StoredCredential,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) {
        var outcome = AuditRecord.Outcome.succeeded
        var reason: String?
        if case .failure(let problem) = result { (outcome, reason) = (.failed, problem.code) }
        AuditStore.append(
            SignInRecords.make(
                context,
                user: credential.user.id,
                clinics: credential.clinics,
                resource: (type: "users", id: credential.user.id.description),
                outcome,
                reason: reason
            ),
            in: tx
        )
    }
}
