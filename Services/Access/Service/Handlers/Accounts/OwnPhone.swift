import AccessAPI
import Contracts
import Core
import Jobs
import Postgres
import ServiceHost

/// Another number for the caller's own account: it is sent a code, and is the account's once the code has come back.
struct OwnPhone: Sendable {
    /// A notice that comes later would only be confusing.
    private static let noticeLifetime: Duration = .seconds(24 * 3_600)

    let parts: AccessParts
    private var account: OwnAccount { OwnAccount(parts: parts) }

    /// What has become of the number.
    enum Step: Sendable {
        case untouched
        case asked(PhoneNumber)
        case changed

        var pending: PhoneNumber? { if case .asked(let phone) = self { phone } else { nil } }
        /// The account's version was compared, and raised.
        var isChanged: Bool { if case .changed = self { true } else { false } }
    }

    /// Throws 401 `invalid_code` for a wrong code and for a number that is another account's, which is not told.
    func apply(_ patch: MePatch, _ context: OperationContext) async throws -> Step {
        if case .absent = patch.phone {
            if patch.phoneCode != nil { throw Problem.invalid("/phoneCode", "belongs to a phone number") }
            return .untouched
        }
        let credential = try await account.credential(context)
        try context.checkMatch(version: credential.user.version)
        guard case .set(let phone) = patch.phone else {
            try await remove(credential, context)
            return .changed
        }
        if credential.user.phone == phone { return .untouched }
        let place = try await CodePlace.find(
            clinicID: credential.clinics.first,
            slug: nil,
            email: nil,
            phone: phone,
            parts
        )
        guard let code = patch.phoneCode else {
            try await ask(credential, patch.currentPassword, place, context)
            return .asked(phone)
        }
        try await prove(credential, phone, code, place, context)
        return .changed
    }

    /// Sends the code; the owner of a number that has an account is told so instead, and who asks sees no difference.
    private func ask(
        _ credential: StoredCredential,
        _ password: String?,
        _ place: CodePlace,
        _ context: OperationContext
    ) async throws {
        // A number is a way in: a lost token must not make itself another one.
        if credential.password != nil {
            guard let password else { throw Problem.invalid("/currentPassword", "is required") }
            try await account.prove(password, context)
        }
        let isAllowed = try await place.count(context, parts)
        let (owner, _) = try await place.account(context, parts)
        let user = credential.user
        try await parts.database.transaction(for: place.tenant) { tx in
            let code = OneTimeCode()
            // The code that was not sent is nobody's.
            let kept = owner == nil ? code : OneTimeCode()
            if isAllowed {
                OneTimeCodeStore.renew(
                    .phoneChange,
                    address: place.hash,
                    clinic: place.clinicID,
                    codeHash: hash(kept, place),
                    user: user.id,
                    at: context.now,
                    in: tx
                )
            }
            try parts.notices.request(
                owner == nil ? .oneTimeCode(code.text, minutes: OneTimeCode.seconds / 60) : .accountExists,
                to: place.recipient(owner?.user.id ?? user.id, locale: owner?.user.locale ?? user.locale),
                expiresAt: isAllowed ? context.now + OneTimeCode.lifetime : context.now - OneTimeCode.lifetime,
                by: "system:access",
                in: tx
            )
            let refusal = isAllowed ? (owner == nil ? nil : "account_exists") : "too_many_requests"
            record(refusal ?? "code_sent", refusal == nil ? .succeeded : .denied, of: user, place, context, in: tx)
        }
    }

    private func prove(
        _ credential: StoredCredential,
        _ phone: PhoneNumber,
        _ code: String,
        _ place: CodePlace,
        _ context: OperationContext
    ) async throws {
        let isProved: Bool
        do {
            isProved = try await parts.database.transaction(for: place.tenant) { tx in
                guard let user = try UserStore.find(credential.user.id, forUpdate: true, in: tx) else { return false }
                try context.checkMatch(version: user.version)
                let refusal = try refusal(OneTimeCode(presented: code), of: user, place, context, in: tx)
                if let refusal {
                    record(refusal, .denied, of: user, place, context, in: tx)
                    return false
                }
                try set(phone, of: user, context, in: tx)
                return true
            }
        } catch let error as DatabaseError where error.constraint == "user_phones_pkey" {
            // Somebody else has proved it meanwhile.
            throw Problem.invalidCode
        }
        if !isProved { throw Problem.invalidCode }
    }

    /// Judges the code and uses it up; why it does not count, if so.
    private func refusal(
        _ presented: OneTimeCode,
        of user: StoredUser,
        _ place: CodePlace,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> String? {
        let codes = try OneTimeCodeStore.lock(
            address: place.hash,
            clinic: place.clinicID,
            purposes: [.phoneChange],
            in: tx
        )
        guard let sent = codes.first, sent.user == user.id else { return "no_code" }
        let verdict = OneTimeCode.judge(hash(presented, place), sent.known, at: context.now)
        guard verdict == .right else {
            OneTimeCodeStore.countTry(.phoneChange, address: place.hash, clinic: place.clinicID, in: tx)
            return verdict.rawValue
        }
        OneTimeCodeStore.use(.phoneChange, address: place.hash, clinic: place.clinicID, at: context.now, in: tx)
        return nil
    }

    private func remove(_ credential: StoredCredential, _ context: OperationContext) async throws {
        let clinic = credential.clinics.first ?? .installation
        try await parts.database.transaction(for: Tenant(clinic, actor: context.principal.id)) { tx in
            guard let user = try UserStore.find(credential.user.id, forUpdate: true, in: tx) else { return }
            try context.checkMatch(version: user.version)
            guard user.phone != nil else { return }
            guard user.email != nil else {
                throw Problem.conflict("last_address", "The account has no other address.")
            }
            try set(nil, of: user, context, in: tx)
        }
    }

    private func set(
        _ phone: PhoneNumber?,
        of user: StoredUser,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws {
        let hash = phone.map { parts.accounts.hash(.phone($0)) }
        try UserStore.setPhone(phone, hash: hash, of: user.id, at: context.now, in: tx)
        try Jobs.enqueue(AnnounceMember.self, payload: AnnounceMember.Payload(user: user.id), in: tx)
        // Where the account was reached before: if it was not its owner, they hear of it.
        try parts.notices.request(
            .phoneChanged,
            to: Notices.Recipient(user),
            expiresAt: context.now + Self.noticeLifetime,
            by: context.actor,
            in: tx
        )
    }

    private func hash(_ code: OneTimeCode, _ place: CodePlace) -> [UInt8] {
        code.hash(.phoneChange, address: place.hash, clinic: place.clinicID, index: parts.index)
    }

    private func record(
        _ reason: String,
        _ outcome: AuditRecord.Outcome,
        of user: StoredUser,
        _ place: CodePlace,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) {
        place.record(user.id, isMember: place.clinic != nil, outcome, reason: reason, context, in: tx)
    }
}
