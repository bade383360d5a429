import AccessAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Setting up an authenticator app, and doing without it again.
struct SecondFactorHandlers: Sendable {
    /// How long an app that was begun with waits for its first code.
    static let enrolmentLifetime: Duration = .seconds(15 * 60)

    let parts: AccessParts
    private let endpoints = SecondFactorEndpoints()
    private var account: OwnAccount { OwnAccount(parts: parts) }

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.enroll) { try await enroll($0, $1) }
        table.steps(endpoints.confirm) { try await confirm($0, $1) }
        table.steps(endpoints.disable) { try await disable($0, $1) }
        table.steps(endpoints.recoveryCodes) { try await renewRecoveryCodes($0, $1) }
        SecondFactorReset(parts: parts).register(in: &table)
    }

    private func enroll(_ request: EnrollTOTP, _ context: OperationContext) async throws -> Reply<TOTPEnrollment> {
        let attempt = try await account.attempt(request.password, context)
        let check = try await PasswordCheck(parts: parts).secondFactor()
        let totp = TOTP.random()
        let enrollment = try await account.change(attempt, context) { user, tx -> Result<TOTPEnrollment, Problem> in
            let sealed = try check.seal(totp, of: user.id)
            guard try SecondFactorStore.enroll(user.id, sealed: sealed, at: context.now, in: tx) else {
                return .failure(.totpEnabled)
            }
            let uri = totp.uri(issuer: Self.issuer, account: user.address)
            return .success(TOTPEnrollment(secret: Base32.encode(totp.secret), uri: uri))
        }
        return Reply(enrollment)
    }

    private func confirm(_ request: ConfirmTOTP, _ context: OperationContext) async throws -> Reply<RecoveryCodes> {
        let credential = try await account.credential(context)
        let check = try await PasswordCheck(parts: parts).secondFactor()
        let user = credential.user.id
        let result = try await parts.database.through(.installation) { tx -> Result<RecoveryCodes, Problem> in
            let result = try confirm(request.code, of: user, check, at: context.now, in: tx)
            account.record(result, of: credential, context, in: tx)
            return result
        }
        return Reply(try result.get())
    }

    private func confirm(
        _ code: String,
        of user: UserID,
        _ check: SecondFactorCheck,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Result<RecoveryCodes, Problem> {
        guard let factor = try SecondFactorStore.find(user, in: tx),
            factor.isConfirmed || now - factor.enrolledAt < Self.enrolmentLifetime
        else { return .failure(.totpNotEnrolled) }
        if factor.isConfirmed { return .failure(.totpEnabled) }
        guard try check.take(code, factor, of: user, at: now, in: tx) else { return .failure(.totpInvalid) }
        SecondFactorStore.confirm(user, at: now, in: tx)
        return .success(newRecoveryCodes(of: user, at: now, in: tx))
    }

    private func disable(_ request: ProvenRequest, _ context: OperationContext) async throws -> Reply<EmptyOutput> {
        try await withFactor(request, context) { user, tx in
            SecondFactorStore.remove(user, in: tx)
            return EmptyOutput()
        }
    }

    private func renewRecoveryCodes(
        _ request: ProvenRequest,
        _ context: OperationContext
    ) async throws -> Reply<RecoveryCodes> {
        try await withFactor(request, context) { user, tx in newRecoveryCodes(of: user, at: context.now, in: tx) }
    }

    /// What only somebody may do who has shown both password and code.
    private func withFactor<Output: Wire>(
        _ request: ProvenRequest,
        _ context: OperationContext,
        _ body: @escaping @Sendable (UserID, borrowing Transaction) throws -> Output
    ) async throws -> Reply<Output> {
        let attempt = try await account.attempt(request.password, context)
        let factor = try await account.factor(request.code)
        let output = try await account.change(attempt, asking: factor, context) { user, tx -> Result<Output, Problem> in
            guard try SecondFactorStore.isEnabled(user.id, in: tx) else { return .failure(.totpNotEnabled) }
            return .success(try body(user.id, tx))
        }
        return Reply(output)
    }

    private func newRecoveryCodes(
        of user: UserID,
        at now: Instant,
        in tx: borrowing Transaction
    ) -> RecoveryCodes {
        let codes = (0..<RecoveryCode.count).map { _ in RecoveryCode().text.unredacted }
        let hashes = codes.compactMap { RecoveryCode.hash($0, of: user, index: parts.index) }
        SecondFactorStore.replaceRecoveryCodes(hashes, of: user, at: now, in: tx)
        return RecoveryCodes(recoveryCodes: codes)
    }

    /// How the account is called in the app.
    private static let issuer = "Polyclinic"
}

extension Problem {
    static let totpRequired = Problem(401, "totp_required", "A code of the authenticator app is needed.")
    static let totpInvalid = Problem(401, "totp_invalid", "The code is wrong, or was used.")
    static let totpEnabled = Problem.conflict("totp_enabled", "There is an authenticator app already.")
    static let totpNotEnabled = Problem.conflict("totp_not_enabled", "There is no authenticator app.")
    static let totpNotEnrolled = Problem.conflict("totp_not_enrolled", "Begin with an authenticator app first.")
}
