import AccessAPI
import Authorization
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// The people of a clinic.
struct MemberHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = MemberEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.create) { try await create($0, $1) }
        table.read(endpoints.list) { try list($0, $1, $2) }
        table.read(endpoints.read) { path, context, tx in
            let member = try Self.find(path.userId, context, forUpdate: false, in: tx)
            if case .locations(let reach) = context.scope, !member.worksAt(reach) { throw Problem.notFound }
            return Reply(member.member, version: member.version)
        }
        table.change(endpoints.update) { try update($0, $1, $2) }
        table.change(endpoints.remove) { try remove($0, $1, $2) }
        table.change(endpoints.invite) { try invite($0, $1, $2) }
        table.change(endpoints.assignRoles) { try assignRoles($0, $1, $2) }
    }

    /// The event with a member's whole state.
    static func announce(
        _ member: StoredMember,
        by actor: String,
        deleted: Bool = false,
        notify: Bool = true,
        in tx: borrowing Transaction
    ) throws {
        let preferences = try PreferenceStore.find(member.user, in: tx)
        let payload = UserChanged(
            user: member.member,
            locale: member.locale,
            timeZone: preferences.timeZone,
            notices: preferences.notices.isEmpty ? nil : preferences.notices,
            deleted: deleted
        )
        try Outbox.append(
            payload,
            aggregate: "member:\(member.user)",
            version: member.version,
            actor: actor,
            notify: notify,
            in: tx
        )
    }

    private static func find(
        _ user: UserID,
        _ context: OperationContext,
        forUpdate: Bool = true,
        in tx: borrowing Transaction
    ) throws -> StoredMember {
        let member = try MemberStore.find(user, of: context.clinic, forUpdate: forUpdate, in: tx)
        guard let member else { throw Problem.notFound }
        return member
    }

    // MARK: - Inviting

    private func create(_ draft: MemberDraft, _ context: OperationContext) async throws -> Reply<Member> {
        let grants = try GrantRule.parse(draft.roles, or: draft.preset)
        guard let address = draft.email.map(CodeAddress.email) ?? draft.phone.map(CodeAddress.phone) else {
            throw Problem.invalid("", "must have email or phone")
        }
        for attempt in 1... {
            let known = try await parts.accounts.owner(of: address, in: parts.database)
            do {
                return try await context.commit { tx in try add(draft, grants, known, context, in: tx) }
            } catch let error as DatabaseError
                where ["user_emails_pkey", "user_phones_pkey"].contains(error.constraint) && attempt < 3
            {
                // Somebody else made the account in between: it is found now.
                continue
            }
        }
        throw Problem.internal
    }

    private func add(
        _ draft: MemberDraft,
        _ grants: [RoleGrant],
        _ known: UserID?,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<Member> {
        try GrantCheck.check(grants, context, in: tx)
        let user = try known ?? account(draft, context, in: tx)
        let invitedByPhone = draft.email == nil
        var member = StoredMember(
            clinic: context.clinic,
            user: user,
            email: draft.email,
            phone: invitedByPhone ? draft.phone : nil,
            invitedByPhone: invitedByPhone,
            locale: draft.locale,
            name: draft.name,
            status: .invited,
            roles: grants,
            createdAt: context.now,
            updatedAt: context.now,
            version: 1
        )
        guard let version = try MemberStore.insert(member, in: tx) else {
            throw Problem.conflict("already_member", "This address belongs to somebody of the clinic already.")
        }
        member.version = version
        try Self.announce(member, by: context.actor, in: tx)
        // To an account that exists the link goes where it is reached, whatever the inviter has written.
        let recipient = Notices.Recipient(user: user, email: draft.email, phone: draft.phone, locale: draft.locale)
        let invitation = try invitation(of: user, to: known == nil ? recipient : nil, context, in: tx)
        var shown = member.member
        var replayed = shown
        shown.invitation = invitation.shown
        replayed.invitation = invitation.replayed
        return Reply(
            shown,
            version: version,
            location: "/api/v1/clinics/\(context.clinic)/users/\(user)",
            audit: AuditDetail(resource: user.description),
            replayed: replayed
        )
    }

    /// An account for somebody who has none.
    ///
    /// A number beside an e-mail address stays out of it until it is proved: whoever holds it could sign in.
    private func account(
        _ draft: MemberDraft,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> UserID {
        let account = StoredUser(
            id: UserID(at: context.now),
            email: draft.email,
            phone: draft.email == nil ? draft.phone : nil,
            name: draft.name,
            locale: draft.locale,
            status: .invited,
            createdAt: context.now,
            version: 1
        )
        let version = try PolicyVersionStore.raise(in: tx)
        try UserStore.insert(account, hashes: parts.accounts.hashes(account), policyVersion: version, in: tx)
        return account.id
    }

    private func invite(
        _ path: MemberPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Invitation> {
        let member = try Self.find(path.userId, context, in: tx)
        guard member.status == .invited else {
            throw Problem.conflict("already_active", "The invitation was accepted already.")
        }
        try GrantCheck.check(member.roles, context, in: tx)
        let invitation = try invitation(of: member.user, context, in: tx)
        return Reply(
            invitation.shown,
            audit: AuditDetail(resource: member.user.description),
            replayed: invitation.replayed
        )
    }

    private func invitation(
        of user: UserID,
        to recipient: Notices.Recipient? = nil,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> (shown: Invitation, replayed: Invitation) {
        guard let account = try UserStore.find(user, in: tx) else { throw Problem.notFound }
        return try parts.accounts.invitation(of: account, into: context.clinic, to: recipient, by: context, in: tx)
    }

    // MARK: - Changing

    private func list(
        _ request: MemberListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<Member>> {
        var plain = request
        plain.limit = nil
        plain.cursor = nil
        // The cursor is bound to the filter and the order that it was made with.
        let list = "members " + String(decoding: try JSONWriter.encode(plain), as: UTF8.self)
        let after = try parts.cursors.open(request.cursor, list: list, clinic: context.clinic)?.first.flatMap(
            UserID.init
        )
        let limit = request.limit ?? Page<Member>.usualLimit
        var only: [LocationID]?
        if case .locations(let reach) = context.scope { only = reach }
        let found = try MemberStore.list(request, at: only, after: after, limit: limit + 1, in: tx).map(\.member)
        return Reply(
            Page(found, limit: limit) { parts.cursors.seal([$0.id.description], list: list, clinic: context.clinic) }
        )
    }

    private func update(
        _ patch: MemberPatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Member> {
        _ = try ClinicStore.lock(context.clinic, in: tx)
        var member = try Self.find(patch.userId, context, in: tx)
        try context.checkMatch(version: member.version)
        let wasAdmin = member.isAdmin
        member.name = patch.name ?? member.name
        if let status = patch.status {
            guard member.status != .invited else {
                throw Problem.conflict("invitation_open", "The invitation has not been accepted yet.")
            }
            member.status = status == .active ? .active : .suspended
        }
        return try save(member, wasAdmin: wasAdmin, context, in: tx)
    }

    private func remove(
        _ path: MemberPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        _ = try ClinicStore.lock(context.clinic, in: tx)
        var member = try Self.find(path.userId, context, in: tx)
        try context.checkMatch(version: member.version)
        let wasAdmin = member.isAdmin
        member.status = .removed
        InvitationStore.revoke(member.user, in: context.clinic, at: context.now, tx: tx)
        _ = try save(member, wasAdmin: wasAdmin, context, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: member.user.description))
    }

    private func assignRoles(
        _ assignment: RoleAssignment,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Member> {
        let grants = try GrantRule.parse(assignment.roles, or: assignment.preset)
        _ = try ClinicStore.lock(context.clinic, in: tx)
        var member = try Self.find(assignment.userId, context, in: tx)
        try context.checkMatch(version: member.version)
        try GrantCheck.check(grants, besides: member.roles, context, in: tx)
        let wasAdmin = member.isAdmin
        member.roles = grants
        return try save(member, wasAdmin: wasAdmin, context, in: tx)
    }

    /// Stores a changed member, unless the clinic would be left without anybody to administer it.
    private func save(
        _ changed: StoredMember,
        wasAdmin: Bool,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<Member> {
        var member = changed
        if wasAdmin, !member.isAdmin, try !MemberStore.anotherAdmin(than: member.user, in: context.clinic, tx: tx) {
            throw Problem.conflict("last_admin", "The clinic needs somebody else with the role CLINIC_ADMIN first.")
        }
        member.updatedAt = context.now
        member.version = try MemberStore.update(member, in: tx)
        try Self.announce(member, by: context.actor, deleted: member.status == .removed, in: tx)
        UserStore.touch(member.user, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
        return Reply(member.member, version: member.version, audit: AuditDetail(resource: member.user.description))
    }
}

extension OperationContext {
    /// Who causes an event: `kind:id`.
    var actor: String { "\(principal.kind.rawValue):\(principal.id)" }
}
