import AccessAPI
import Authorization
import Contracts
import Core
import Jobs
import Outbox
import Postgres
import ProviderConfig
import ServiceHost

/// What somebody has said of themselves while registering; sealed until the address is proved.
struct PendingRegistration: Codable, Sendable {
    private static let purpose = "registration"

    struct Password: Codable, Sendable {
        var salt: RawBody
        var hash: RawBody
        var cost: PasswordCost
    }

    /// Exactly one of `email` and `phone`.
    var email: EmailAddress?
    var phone: PhoneNumber?
    var name: String
    var locale: String?
    var password: Password?
    var birthDate: CalendarDate?
    var clinic: ClinicDraft?

    func seal(for address: [UInt8], with sealer: ClinicSealer) throws -> [UInt8] {
        try sealer.seal(try JSONWriter.encode(self), purpose: Self.purpose, record: address.hex)
    }

    static func open(_ sealed: [UInt8], of address: [UInt8], with sealer: ClinicSealer) throws -> PendingRegistration {
        try JSONTape(try sealer.open(sealed, purpose: purpose, record: address.hex)).decode(PendingRegistration.self)
    }
}

/// An account that has just been made.
struct Registered: Sendable {
    var user: StoredUser
    var password: PasswordHash?
    /// The clinic it belongs to, or is to own.
    var clinic: ClinicID
    var isOwner: Bool

    var clinics: [ClinicID] { [clinic] }
}

/// Registering: of patients with a clinic, and of owners with a clinic of their own.
struct RegistrationHandlers: Sendable {
    let parts: AccessParts

    /// Keeps what was said and sends the code that ends it.
    ///
    /// The owner of an account that exists is told so instead; who asks sees no difference.
    func begin(_ request: Registration, _ context: OperationContext) async throws -> Reply<CodeRequested> {
        let purpose = try await check(request)
        let place = try await CodePlace.find(
            clinicID: request.clinicId,
            slug: request.clinicSlug,
            email: request.email,
            phone: request.phone,
            channel: request.channel,
            parts
        )
        let password = try await pendingPassword(request.password)
        let isAllowed = try await place.count(context, parts)
        let (account, _) = try await place.account(context, parts)
        // A patient needs a clinic.
        let isPossible = place.clinic != nil || purpose == .clinicRegistration
        let isSent = isAllowed && isPossible
        try await parts.database.transaction(for: place.tenant) { tx in
            let code = OneTimeCode()
            if isAllowed {
                try keep(request, password, as: purpose, code, place, sends: isSent && account == nil, context, in: tx)
            }
            try parts.notices.request(
                account == nil
                    ? .oneTimeCode(code.text, minutes: OneTimeCode.seconds / 60) : .accountExists,
                to: place.recipient(account?.user.id, locale: request.locale),
                expiresAt: isSent ? context.now + OneTimeCode.lifetime : context.now - OneTimeCode.lifetime,
                by: "system:access",
                in: tx
            )
            let refusal: CodeSignIn.Refusal? = isAllowed ? nil : .tooManyRequests
            place.record(
                account?.user.id,
                isMember: false,
                isSent && account == nil ? .succeeded : .denied,
                reason: refusal?.rawValue ?? (account == nil ? "code_sent" : "account_exists"),
                context,
                in: tx
            )
        }
        return Reply(CodeRequested(expiresIn: OneTimeCode.seconds))
    }

    /// Throws what the request says wrongly, whoever asks.
    private func check(_ request: Registration) async throws -> CodePurpose {
        if request.password != nil, request.email == nil {
            throw Problem.invalid("/password", "goes with an e-mail address")
        }
        guard let clinic = request.clinic else {
            guard request.clinicId != nil || request.clinicSlug != nil else {
                throw Problem.invalid("", "must have exactly one of clinicId, clinicSlug and clinic")
            }
            return .registration
        }
        guard request.clinicId == nil && request.clinicSlug == nil else {
            throw Problem.invalid("", "must have exactly one of clinicId, clinicSlug and clinic")
        }
        guard parts.ownersMayRegister else {
            throw Problem(403, "registration_closed", "Clinics are made by the operator here.")
        }
        guard request.password != nil else { throw Problem.invalid("/password", "is required") }
        try ClinicRule.check(ClinicHandlers.clinic(clinic, at: .now()))
        let isTaken = try await parts.database.through(.installation) { tx in
            try ClinicStore.find(nil, slug: clinic.slug, in: tx) != nil
        }
        if isTaken { throw Problem.slugTaken }
        return .clinicRegistration
    }

    private func pendingPassword(_ password: String?) async throws -> PendingRegistration.Password? {
        guard let password else { return nil }
        let hash = try await parts.passwords.hash(Secret(password))
        return .init(salt: RawBody(hash.salt), hash: RawBody(hash.hash), cost: hash.cost)
    }

    private func keep(
        _ request: Registration,
        _ password: PendingRegistration.Password?,
        as purpose: CodePurpose,
        _ code: OneTimeCode,
        _ place: CodePlace,
        sends: Bool,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws {
        let sealer = try parts.dataKeys.sealer(for: place.clinicID, in: tx)
        let said = PendingRegistration(
            email: request.email,
            phone: request.phone,
            name: request.name,
            locale: request.locale,
            password: password,
            birthDate: request.birthDate,
            clinic: request.clinic
        )
        let sealed = try said.seal(for: place.hash, with: sealer)
        // The code that was not sent is nobody's.
        let kept = sends ? code : OneTimeCode()
        OneTimeCodeStore.renew(
            purpose,
            address: place.hash,
            clinic: place.clinicID,
            codeHash: kept.hash(purpose, address: place.hash, clinic: place.clinicID, index: parts.index),
            user: nil,
            sealed: sends ? sealed : nil,
            at: context.now,
            in: tx
        )
    }

    // MARK: - Once the address is proved

    /// Makes the account, and the membership or the clinic; in the transaction that uses the code up.
    ///
    /// `nil` when the address has an account by now.
    func take(
        _ code: StoredCode,
        _ place: CodePlace,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Registered? {
        guard let sealed = code.sealed, place.user == nil else { return nil }
        let sealer = try parts.dataKeys.sealer(for: place.clinicID, in: tx)
        let said = try PendingRegistration.open(sealed, of: place.hash, with: sealer)
        let user = try account(said, context, in: tx)
        let password = said.password.map { PasswordHash(salt: $0.salt.bytes, hash: $0.hash.bytes, cost: $0.cost) }
        var registered = Registered(user: user, password: password, clinic: place.clinicID, isOwner: false)
        if let draft = said.clinic {
            let founder = "user:\(user.id)"
            let clinic = try ClinicHandlers.found(draft, admin: user.id, by: founder, at: context.now, in: tx)
            registered.clinic = clinic.id
            registered.isOwner = true
        } else {
            try Self.join(user, [RoleGrant(role: .patient)], as: said.name, in: place.clinicID, at: context.now, tx)
            // Proved a moment ago by the code that this transaction uses up.
            try Outbox.append(
                PatientRegistered(
                    userId: user.id,
                    email: said.email,
                    phone: said.phone,
                    birthDate: said.birthDate
                ),
                aggregate: "registration:\(user.id)",
                version: 1,
                actor: "user:\(user.id)",
                in: tx
            )
            try parts.notices.request(
                .welcome,
                to: Notices.Recipient(user),
                expiresAt: context.now + Self.welcomeLifetime,
                by: "user:\(user.id)",
                in: tx
            )
        }
        place.record(user.id, isMember: !registered.isOwner, .succeeded, reason: "registered", context, in: tx)
        return registered
    }

    /// A welcome that comes later is none.
    private static let welcomeLifetime: Duration = .seconds(86_400)

    private func account(
        _ said: PendingRegistration,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> StoredUser {
        do {
            return try parts.accounts.add(
                email: said.email,
                phone: said.phone,
                name: said.name,
                locale: said.locale,
                status: .active,
                at: context.now,
                in: tx
            )
        } catch let problem as Problem where ["email_taken", "phone_taken"].contains(problem.code) {
            // Somebody was invited meanwhile: that the address has an account is still not told.
            throw Problem.invalidCode
        }
    }

    /// Makes somebody a member; `nil` is left where they are one already.
    static func join(
        _ user: StoredUser,
        _ roles: [RoleGrant],
        as name: String,
        in clinic: ClinicID,
        at now: Instant,
        _ tx: borrowing Transaction
    ) throws {
        var member = StoredMember(
            clinic: clinic,
            user: user.id,
            email: user.email,
            phone: user.phone,
            locale: user.locale,
            name: name,
            status: .active,
            roles: roles,
            createdAt: now,
            updatedAt: now,
            version: 1
        )
        guard let version = try MemberStore.insert(member, in: tx) else { return }
        member.version = version
        try MemberHandlers.announce(member, by: "user:\(user.id)", in: tx)
        UserStore.touch(user.id, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
    }

    /// What the account's own transaction cannot write: its password, and the owner's place in the new clinic.
    func finish(_ registered: Registered, _ context: OperationContext) async throws -> StoredUser {
        if let password = registered.password {
            _ = try await parts.database.through(.installation) { tx in
                try CredentialStore.insert(password, for: registered.user.id, at: context.now, in: tx)
            }
        }
        if registered.isOwner {
            try await AnnounceClinic.appoint(registered.user.id, to: registered.clinic, parts.database)
        }
        return registered.user
    }
}
