import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// One-time codes: sent, and taken back for a sign-in.
struct OneTimeCodeHandlers: Sendable {
    let parts: AccessParts
    let authentication: AuthenticationHandlers
    let registration: RegistrationHandlers
    private let endpoints = OneTimeCodeEndpoints()

    init(parts: AccessParts, authentication: AuthenticationHandlers) {
        self.parts = parts
        self.authentication = authentication
        registration = RegistrationHandlers(parts: parts)
    }

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.request) { try await request($0, $1) }
        table.steps(endpoints.verify) { try await verify($0, $1) }
        table.steps(endpoints.register) { try await registration.begin($0, $1) }
    }

    /// Takes the same steps for everybody: who gets no code gets a notice that has expired already, and is sent nothing.
    private func request(_ request: CodeRequest, _ context: OperationContext) async throws -> Reply<CodeRequested> {
        guard request.clinicId != nil || request.clinicSlug != nil else {
            throw Problem.invalid("", "must have exactly one of clinicId and clinicSlug")
        }
        let place = try await CodePlace.find(
            clinicID: request.clinicId,
            slug: request.clinicSlug,
            email: request.email,
            phone: request.phone,
            channel: request.channel,
            parts
        )
        let isAllowed = try await place.count(context, parts)
        let (account, system) = try await place.account(context, parts)
        var refusal = CodeSignIn.refusal(account, system, clinic: place.clinic?.id)
        if !isAllowed { refusal = .tooManyRequests }
        let isMember = place.clinic.map { account?.clinics.contains($0.id) ?? false } ?? false
        let refused = refusal
        try await parts.database.transaction(for: place.tenant) { tx in
            try send(place, to: account?.user, refused: refused, renews: isAllowed, context, in: tx)
            place.record(
                account?.user.id,
                isMember: isMember,
                refused == nil ? .succeeded : .denied,
                reason: refused?.rawValue ?? "code_sent",
                context,
                in: tx
            )
        }
        return Reply(CodeRequested(expiresIn: OneTimeCode.seconds))
    }

    private func send(
        _ place: CodePlace,
        to user: StoredUser?,
        refused: CodeSignIn.Refusal?,
        renews: Bool,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws {
        let code = OneTimeCode()
        if renews {
            OneTimeCodeStore.renew(
                .signIn,
                address: place.hash,
                clinic: place.clinicID,
                codeHash: code.hash(.signIn, address: place.hash, clinic: place.clinicID, index: parts.index),
                user: refused == nil ? user?.id : nil,
                at: context.now,
                in: tx
            )
        }
        try parts.notices.request(
            .oneTimeCode(code.text, minutes: OneTimeCode.seconds / 60),
            to: place.recipient(user?.id, locale: user?.locale),
            expiresAt: refused == nil ? context.now + OneTimeCode.lifetime : context.now - OneTimeCode.lifetime,
            by: "system:access",
            in: tx
        )
    }

    private func verify(_ proof: CodeProof, _ context: OperationContext) async throws -> Reply<SignedIn> {
        let place = try await CodePlace.find(
            clinicID: proof.clinicId,
            slug: proof.clinicSlug,
            email: proof.email,
            phone: proof.phone,
            parts
        )
        let (account, system) = try await place.account(context, parts)
        let outcome = try await parts.database.transaction(for: place.tenant) { tx in
            try take(proof, place, account, system, context, in: tx)
        }
        switch outcome {
        case .refused: throw Problem.invalidCode
        case .signIn(let user):
            return Reply(try await authentication.open(user, clinics: [place.clinicID], context))
        case .registered(let registered):
            let user = try await registration.finish(registered, context)
            return Reply(try await authentication.open(user, clinics: registered.clinics, context))
        }
    }

    private enum Outcome: Sendable {
        case refused
        case signIn(StoredUser)
        case registered(Registered)
    }

    /// Judges a code and uses it up, all under the lock of the address's codes.
    private func take(
        _ proof: CodeProof,
        _ place: CodePlace,
        _ account: StoredCredential?,
        _ system: SystemGrant?,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Outcome {
        let codes = try OneTimeCodeStore.lock(
            address: place.hash,
            clinic: place.clinicID,
            purposes: CodePurpose.presented(proof.purpose),
            in: tx
        )
        let presented = OneTimeCode(presented: proof.code)
        var reason = "no_code"
        for code in codes {
            let hash = presented.hash(code.purpose, address: place.hash, clinic: place.clinicID, index: parts.index)
            let verdict = OneTimeCode.judge(hash, code.known, at: context.now)
            reason = verdict.rawValue
            guard verdict == .right else {
                OneTimeCodeStore.countTry(code.purpose, address: place.hash, clinic: place.clinicID, in: tx)
                continue
            }
            OneTimeCodeStore.use(code.purpose, address: place.hash, clinic: place.clinicID, at: context.now, in: tx)
            if code.purpose != .signIn {
                if let registered = try registration.take(code, place, context, in: tx) {
                    return .registered(registered)
                }
                reason = "account_exists"
                continue
            }
            let refusal = CodeSignIn.refusal(account, system, clinic: place.clinic?.id)
            if let user = account?.user, code.user == user.id, refusal == nil { return .signIn(user) }
            reason = refusal?.rawValue ?? CodeSignIn.Refusal.unknownAccount.rawValue
        }
        let isMember = place.clinic.map { account?.clinics.contains($0.id) ?? false } ?? false
        place.record(place.user, isMember: isMember, .denied, reason: reason, context, in: tx)
        return .refused
    }
}

extension Problem {
    /// The same for a wrong, an expired and a used code, and for an address that none was sent to.
    static let invalidCode = Problem(401, "invalid_code", "The code is wrong or has expired; ask for another one.")
}
