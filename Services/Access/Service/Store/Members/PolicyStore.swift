import Authorization
import Contracts
import Core
import Postgres

/// Reads policy for the processes that decide by it; through the installation's door.
enum PolicyStore {
    /// What changed since a version, in the order of the versions.
    ///
    /// The version is read before the rows: whatever is newer is told again with the next difference.
    static func changes(
        _ query: PolicyChangesQuery,
        keys: [VerificationKey],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> PolicyChanges {
        let version = try PolicyVersionStore.current(in: tx)
        let isFull = query.since <= 0 || query.since > version
        let since = isFull ? 0 : query.since
        let place = try query.after.map(Place.init) ?? Place(version: since, kind: Place.pastEvery, id: .installation)
        let places = try places(after: place, limit: PolicyChanges.largestPage + 1, in: tx)
        let page = places.prefix(PolicyChanges.largestPage)
        var changes = PolicyChanges(since: query.since, version: version, full: isFull, keys: keys)
        changes.clinics = try clinics(page.filter { $0.kind == 0 }.map(\.id), in: tx)
        changes.users = try users(page.filter { $0.kind == 1 }.map { $0.id.retagged() }, at: now, in: tx)
        changes.apiKeys = try APIKeyStore.policies(page.filter { $0.kind == 3 }.map { $0.id.retagged() }, in: tx)
        changes.roles = try RoleStore.policies(page.filter { $0.kind == 2 }.map { $0.id.retagged() }, in: tx)
        if places.count > page.count, let last = page.last {
            changes.next = last.text
        } else {
            changes.revocations = try revocations(since: since, at: now, in: tx)
        }
        return changes
    }

    /// The present policy as far as it concerns these users in this clinic.
    static func snapshot(
        of users: [UserID],
        in clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> PolicySnapshot {
        var changes = PolicyChanges(since: 0, version: try PolicyVersionStore.current(in: tx), full: true)
        changes.clinics = try clinics([clinic], in: tx)
        changes.users = try self.users(Set(users).sorted(), at: now, in: tx)
        changes.roles = try RoleStore.policies(of: clinic, in: tx)
        var snapshot = PolicySnapshot()
        snapshot.apply(changes, at: now)
        return snapshot
    }

    /// A row's place in the order of changes.
    struct Place {
        /// Behind whatever changed with a version.
        static let pastEvery = 1_000
        var version: Int64
        /// 0 a clinic, 1 a user, 2 a role, 3 an API key.
        var kind: Int
        var id: ClinicID

        init(version: Int64, kind: Int, id: ClinicID) {
            self.version = version
            self.kind = kind
            self.id = id
        }

        init(_ text: String) throws {
            let parts = text.split(separator: ".")
            guard parts.count == 3, let version = Int64(parts[0]), let kind = Int(parts[1]), let id = ClinicID(parts[2])
            else { throw Problem.invalid("/after", "is not a place that was given") }
            self.init(version: version, kind: kind, id: id)
        }

        var text: String { "\(version).\(kind).\(id)" }
    }

    private static func places(after: Place, limit: Int, in tx: borrowing Transaction) throws -> [Place] {
        let rows = try tx.rows(
            """
            (select policy_version, 0::bigint, clinic_id from clinics
                where policy_version >= \(after.version)
                    and (policy_version, 0, clinic_id) > (\(after.version), \(after.kind), \(after.id))
                order by policy_version, clinic_id limit \(limit))
            union all
            (select policy_version, 1::bigint, id from users
                where policy_version >= \(after.version)
                    and (policy_version, 1, id) > (\(after.version), \(after.kind), \(after.id))
                order by policy_version, id limit \(limit))
            union all
            (select policy_version, 2::bigint, id from roles
                where policy_version >= \(after.version)
                    and (policy_version, 2, id) > (\(after.version), \(after.kind), \(after.id))
                order by policy_version, id limit \(limit))
            union all
            (select policy_version, 3::bigint, id from api_keys
                where policy_version >= \(after.version)
                    and (policy_version, 3, id) > (\(after.version), \(after.kind), \(after.id))
                order by policy_version, id limit \(limit))
            order by 1, 2, 3 limit \(limit)
            """
        )
        return try rows.map { Place(version: try $0[0], kind: try $0[1], id: try $0[2]) }
    }

    private static func clinics(_ ids: [ClinicID], in tx: borrowing Transaction) throws -> [ClinicPolicy] {
        if ids.isEmpty { return [] }
        let rows = try tx.rows(
            "select clinic_id, slug, status, name, time_zone from clinics where clinic_id = any(\(ids))"
        )
        return try rows.map { row in
            let status: String = try row[2]
            return ClinicPolicy(
                id: try row[0],
                slug: try row[1],
                status: ClinicStatus(rawValue: status) ?? .suspended,
                name: try row[3],
                timeZone: try row[4]
            )
        }
    }

    private static func users(
        _ ids: [UserID],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [UserGrants] {
        if ids.isEmpty { return [] }
        let rows = try tx.rows(
            """
            select u.id, u.status = 'active', r.role, r.clinic_ids, r.expires_at
            from users as u left join system_roles as r on r.user_id = u.id where u.id = any(\(ids))
            """
        )
        var memberships = try memberships(of: ids, in: tx)
        for (user, clinics) in try BreakGlassStore.underway(of: ids, at: now, in: tx) {
            memberships[user] = memberships[user]?.map { membership in
                var membership = membership
                membership.emergencies = clinics[membership.clinicId]
                return membership
            }
        }
        return try rows.map { row in
            let id: UserID = try row[0]
            let role: String? = try row[2]
            return UserGrants(
                id: id,
                active: try row[1],
                systemRoles: try role.map { _ in [try SystemRoleStore.decode(row, from: 2)] } ?? [],
                memberships: memberships.removeValue(forKey: id) ?? []
            )
        }
    }

    /// Active memberships only: one that is not accepted yet, suspended or over gives nothing.
    static func memberships(
        of users: [UserID],
        in tx: borrowing Transaction
    ) throws -> [UserID: [MembershipGrant]] {
        let rows = try tx.rows(
            """
            select user_id, clinic_id, roles, patient_id, doctor_id from memberships
            where user_id = any(\(users)) and status = 'active' order by user_id, clinic_id
            """
        )
        var grants: [UserID: [MembershipGrant]] = [:]
        for row in rows {
            let roles: JSONColumn = try row[2]
            let grant = MembershipGrant(
                clinicId: try row[1],
                roles: try JSONTape(roles.json).decode([RoleGrant].self),
                patientId: try row[3],
                doctorId: try row[4]
            )
            grants[try row[0], default: []].append(grant)
        }
        return grants
    }

    private static func revocations(
        since: Int64,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [RevokedSignIn] {
        let rows = try tx.rows(
            """
            select id, ended_at from sign_ins
            where policy_version > \(since) and ended_at > \(now - AccessTokenClaims.lifetime) order by policy_version
            """
        )
        return try rows.map { row in
            let endedAt: Instant = try row[1]
            return RevokedSignIn(id: try row[0], until: endedAt + AccessTokenClaims.lifetime)
        }
    }
}
