import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import Postgres
import ServiceHost
import Vault

/// Where a code is sent.
enum CodeAddress: Sendable {
    case email(EmailAddress)
    case phone(PhoneNumber)

    /// Throws 422 unless there is exactly one.
    init(email: EmailAddress?, phone: PhoneNumber?) throws(Problem) {
        switch (email, phone) {
        case (let email?, nil): self = .email(email)
        case (nil, let phone?): self = .phone(phone)
        default: throw .invalid("", "must have exactly one of email and phone")
        }
    }

    /// By which channels it is reached, the one that is asked for first.
    ///
    /// Throws 422 for a channel that does not take such an address.
    func channels(_ asked: CodeChannel?) throws(Problem) -> [NoticeChannel] {
        switch (self, asked) {
        case (.email, nil), (.email, .email): [.email]
        case (.phone, nil), (.phone, .sms): [.sms, .whatsapp]
        case (.phone, .whatsapp): [.whatsapp, .sms]
        case (.email, .sms), (.email, .whatsapp): throw .invalid("/channel", "must be email for an e-mail address")
        case (.phone, .email): throw .invalid("/channel", "must be sms or whatsapp for a phone number")
        }
    }
}

/// An address at a clinic, and whose it is: what every operation with codes begins with.
struct CodePlace: Sendable {
    let address: CodeAddress
    let channels: [NoticeChannel]
    /// The keyed hash of the address.
    let hash: [UInt8]
    /// `nil` for a name that no open clinic has.
    let clinic: Clinic?
    let user: UserID?

    /// Whose codes they are; what no clinic is named for stands with the installation.
    var clinicID: ClinicID { clinic?.id ?? .installation }
    var tenant: Tenant { Tenant(clinicID, actor: "code") }

    /// Looks up what is named; takes the same steps whatever is found.
    ///
    /// Throws 422 unless one address, a channel that takes it, and at most one clinic are named.
    static func find(
        clinicID: ClinicID?,
        slug: Slug?,
        email: EmailAddress?,
        phone: PhoneNumber?,
        channel: CodeChannel? = nil,
        _ parts: AccessParts
    ) async throws -> CodePlace {
        if clinicID != nil && slug != nil {
            throw Problem.invalid("", "must have exactly one of clinicId and clinicSlug")
        }
        let address = try CodeAddress(email: email, phone: phone)
        let channels = try address.channels(channel)
        let user = try await parts.accounts.owner(of: address, in: parts.database)
        let clinic = try await parts.database.through(.installation) { tx in
            try ClinicStore.find(clinicID, slug: slug, in: tx)
        }
        return CodePlace(
            address: address,
            channels: channels,
            hash: parts.accounts.hash(address),
            clinic: clinic.flatMap { $0.clinic.status == .active ? $0.clinic : nil },
            user: user
        )
    }

    /// Counts a request for a code; `false` when there have been too many.
    func count(_ context: OperationContext, _ parts: AccessParts) async throws -> Bool {
        let account = user?.description ?? hash.hex
        var subjects: [(CodeLimit, String)] = [
            (.client, "\(hash.hex) \(context.source.address)"), (.address, hash.hex), (.account, account),
        ]
        if case .phone = address { subjects.append((.network, TrySources.network(of: context.source.address))) }
        let counted = subjects
        return try await parts.database.through(.installation) { tx in
            try counted.map { limit, subject in
                let token = parts.index.token(subject, purpose: "code requests \(limit.rawValue)", clinic: nil)
                return try CodeRequestStore.count(token, limit, at: context.now, in: tx)
            }.allSatisfy(\.self)
        }
    }

    /// Whom a code is sent to, and how.
    func recipient(_ user: UserID?, locale: String?) -> Notices.Recipient {
        switch address {
        case .email(let email): Notices.Recipient(user: user, email: email, locale: locale, channels: channels)
        case .phone(let phone): Notices.Recipient(user: user, phone: phone, locale: locale, channels: channels)
        }
    }

    /// The account with what it reaches; asked for somebody unknown as well.
    func account(_ context: OperationContext, _ parts: AccessParts) async throws -> (StoredCredential?, SystemGrant?) {
        let asked = user ?? UserID(at: context.now)
        return try await parts.database.through(.installation) { tx in
            (try CredentialStore.find(asked, in: tx), try SystemRoleStore.find(asked, in: tx))
        }
    }

    /// The entry about what was asked: in the clinic's trail where the account is of the clinic, else the installation's.
    func record(
        _ user: UserID?,
        isMember: Bool,
        _ outcome: AuditRecord.Outcome,
        reason: String?,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) {
        let resource = (type: "users", id: user?.description ?? "unknown")
        AuditStore.append(
            SignInRecords.make(
                context,
                user: user,
                clinics: isMember ? [clinicID] : [],
                resource: resource,
                outcome,
                reason: reason
            ),
            in: tx
        )
    }
}
