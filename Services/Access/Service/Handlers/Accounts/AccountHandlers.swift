import AccessAPI
import Authorization
import Contracts
import Core
import Jobs
import Postgres
import ServiceHost

/// The caller's own account.
struct AccountHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = AuthenticationEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.me) { _, context in try await me(context) }
        table.steps(endpoints.updateMe) { try await update($0, $1) }
    }

    private func me(_ context: OperationContext) async throws -> Reply<Me> {
        let id = try Self.caller(context)
        return try await parts.database.through(.installation) { tx in try Self.load(id, at: context.now, in: tx) }
    }

    private func update(_ patch: MePatch, _ context: OperationContext) async throws -> Reply<Me> {
        let id = try Self.caller(context)
        let phone = try await OwnPhone(parts: parts).apply(patch, context)
        let granted = try await parts.database.through(.installation) { tx in
            try Self.load(id, at: context.now, in: tx)
        }
        return try await context.commit { tx in
            guard var user = try UserStore.find(id, forUpdate: true, in: tx) else { throw Problem.unauthenticated }
            if !phone.isChanged { try context.checkMatch(version: user.version) }
            user.name = patch.name ?? user.name
            user.locale = patch.locale.applied(to: user.locale)
            let version = try UserStore.rename(id, name: user.name, locale: user.locale, at: context.now, in: tx)
            try Jobs.enqueue(AnnounceMember.self, payload: AnnounceMember.Payload(user: id), in: tx)
            var me = granted.output
            me.user = user.account
            me.pendingPhone = phone.pending
            return Reply(me, version: version, audit: AuditDetail(resource: id.description))
        }
    }

    private static func caller(_ context: OperationContext) throws -> UserID {
        guard let user = context.principal.user else { throw Problem.unauthenticated }
        return user
    }

    private static func load(_ id: UserID, at now: Instant, in tx: borrowing Transaction) throws -> Reply<Me> {
        guard let user = try UserStore.find(id, in: tx) else { throw Problem.unauthenticated }
        let grants = try PolicyStore.memberships(of: [id], in: tx)[id] ?? []
        let clinics = try ClinicStore.list(only: grants.map(\.clinicId), after: nil, limit: grants.count, in: tx)
        let names = Dictionary(uniqueKeysWithValues: clinics.map { ($0.clinic.id, $0.clinic.name) })
        let books = try RoleStore.books(of: grants.map(\.clinicId), in: tx)
        let system = try SystemRoleStore.find(id, in: tx).map { [$0.wire] } ?? []
        let memberships = grants.map { grant in
            let isLimited = grant.roles.allSatisfy { $0.locationIds != nil }
            return MyMembership(
                clinicId: grant.clinicId,
                name: names[grant.clinicId] ?? "",
                roles: grant.roles.map(\.role.text),
                locationIds: isLimited ? Set(grant.roles.flatMap { $0.locationIds ?? [] }).sorted() : nil,
                permissions: (books[grant.clinicId] ?? RoleBook()).permissionNames(of: grant.roles.map(\.role)),
                patientId: grant.patientId,
                doctorId: grant.doctorId
            )
        }
        return Reply(Me(user: user.account, memberships: memberships, systemRoles: system), version: user.version)
    }
}

extension SystemGrant {
    var wire: SystemRole { SystemRole(role: role.rawValue, clinicIds: clinicIds, expiresAt: expiresAt) }
}
