import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Proves somebody by their password, wherever it is asked for.
///
/// Every try takes the same steps and the same work, whether the account exists, is shut, has no password or must wait.
struct PasswordCheck: Sendable {
    let parts: AccessParts

    /// A password that has been compared; what comes of it is for `conclude` to say.
    struct Attempt: Sendable {
        var credential: StoredCredential?
        var matches: Bool
        /// The password hashed anew, where the stored hash is worth less than today's.
        var renewed: PasswordHash?
        var sources: TrySources
    }

    /// Whether the password alone will do.
    enum Factor: Sendable {
        case notAsked
        /// Who has a second factor has to show it: the code that was given, and what it is checked with.
        case asked(String?, SecondFactorCheck)
    }

    enum Verdict: Sendable {
        /// `how` is for the entry, where it was not simply the password.
        case proved(how: String?)
        case refused(Refusal)
    }

    /// Why somebody is not let in; until the password is right, the caller is told the same in every case.
    enum Refusal: String {
        case unknownAccount = "unknown_account"
        case wrongPassword = "wrong_password"
        case locked
        case notActive = "not_active"
        case codeMissing = "totp_required"
        case wrongCode = "wrong_totp"

        var problem: Problem {
            switch self {
            case .unknownAccount, .wrongPassword, .locked, .notActive: .invalidCredentials
            case .codeMissing: .totpRequired
            case .wrongCode: .totpInvalid
            }
        }
    }

    /// What second factors are checked with.
    func secondFactor() async throws -> SecondFactorCheck {
        SecondFactorCheck(index: parts.index, sealer: try await parts.dataKeys.sealer(for: .installation))
    }

    /// A try at the account of an address.
    func attempt(_ email: EmailAddress, _ password: String, _ context: OperationContext) async throws -> Attempt {
        let emailHash = parts.accounts.emailHash(email)
        let known = try await parts.database.through(.lookup) { tx in
            try UserStore.find(emailHash: emailHash, in: tx)
        }
        let stranger = UserID(at: context.now)
        let credential = try await parts.database.through(.installation) { tx in
            try CredentialStore.find(known ?? stranger, in: tx)
        }
        return try await attempt(credential, emailHash, password, context)
    }

    /// A try at an account that is known already.
    func attempt(
        _ credential: StoredCredential,
        _ password: String,
        _ context: OperationContext
    ) async throws -> Attempt {
        try await attempt(credential, parts.accounts.tryHash(credential.user), password, context)
    }

    private func attempt(
        _ credential: StoredCredential?,
        _ emailHash: [UInt8],
        _ password: String,
        _ context: OperationContext
    ) async throws -> Attempt {
        let matches = try await parts.passwords.matches(Secret(password), credential?.password)
        let isOutdated = matches && credential?.password?.isOutdated ?? false
        return Attempt(
            credential: credential,
            matches: matches,
            renewed: isOutdated ? try await parts.passwords.hash(Secret(password)) : nil,
            sources: sources(emailHash, context)
        )
    }

    private func sources(_ emailHash: [UInt8], _ context: OperationContext) -> TrySources {
        TrySources(
            emailHash: emailHash,
            address: context.source.address,
            userAgent: context.source.userAgent,
            index: parts.index
        )
    }

    /// Notes that somebody was proved otherwise on the device that asks.
    func welcome(_ user: StoredUser, _ context: OperationContext, in tx: borrowing Transaction) throws {
        let sources = sources(parts.accounts.tryHash(user), context)
        var lockout = try SignInTriesStore.lock(sources, at: context.now, in: tx)
        lockout.succeed(at: context.now)
        SignInTriesStore.save(lockout, of: sources, at: context.now, in: tx)
    }

    /// Counts the try and says why it is refused, if it is; decided here, so that tries made at once count one by one.
    ///
    /// The password of an account that was invited again may be asked for before the account is in use.
    func conclude(
        _ attempt: Attempt,
        _ factor: Factor = .notAsked,
        beforeUse: Bool = false,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Verdict {
        var lockout = try SignInTriesStore.lock(attempt.sources, at: now, in: tx)
        let isBlocked = lockout.isBlocked(at: now)
        let verdict = try verdict(attempt, factor, isBlocked: isBlocked, beforeUse: beforeUse, at: now, in: tx)
        switch verdict {
        case .proved: lockout.succeed(at: now)
        // Who has the password and is asked for the code has not guessed at anything yet.
        case .refused(.codeMissing): break
        case .refused: if !isBlocked { lockout.fail(at: now) }
        }
        SignInTriesStore.save(lockout, of: attempt.sources, at: now, in: tx)
        if case .proved = verdict, let renewed = attempt.renewed, let user = attempt.credential?.user.id {
            CredentialStore.renew(renewed, for: user, in: tx)
        }
        return verdict
    }

    private func verdict(
        _ attempt: Attempt,
        _ factor: Factor,
        isBlocked: Bool,
        beforeUse: Bool,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Verdict {
        guard let credential = attempt.credential else { return .refused(.unknownAccount) }
        if isBlocked { return .refused(.locked) }
        guard let password = credential.password, beforeUse || credential.user.status == .active else {
            return .refused(.notActive)
        }
        // It may have been changed since it was read.
        guard attempt.matches, try CredentialStore.holds(password, for: credential.user.id, in: tx) else {
            return .refused(.wrongPassword)
        }
        guard case .asked(let code, let check) = factor else { return .proved(how: nil) }
        return switch try check.answer(code, of: credential.user.id, at: now, in: tx) {
        case .notNeeded: .proved(how: nil)
        case .app: .proved(how: "totp")
        case .recoveryCode: .proved(how: "recovery_code")
        case .missing: .refused(.codeMissing)
        case .wrong: .refused(.wrongCode)
        }
    }

    /// The entries of a refused try.
    func record(
        _ refusal: Refusal,
        of attempt: Attempt,
        clinics: [ClinicID],
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) {
        let user = attempt.credential?.user.id
        let resource = (type: "users", id: user?.description ?? "unknown")
        AuditStore.append(
            SignInRecords.make(
                context,
                user: user,
                clinics: clinics,
                resource: resource,
                .denied,
                reason: refusal.rawValue
            ),
            in: tx
        )
    }
}
