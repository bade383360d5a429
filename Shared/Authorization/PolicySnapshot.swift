package import Contracts
package import Core

/// Who may do what where, as of one version: what every process decides with, in memory.
///
/// A value: readers keep the one they hold while a newer one is being built. A decision is a look-up, a search among few and bit tests.
package struct PolicySnapshot: Sendable {
    /// The committed version that this knows of; 0 knows nothing.
    package private(set) var version: Int64 = 0
    package private(set) var clinics: [ClinicID: ClinicPolicy] = [:]
    package private(set) var keys: [VerificationKey] = []
    private var users: [UserID: UserPolicy] = [:]
    private var apiKeys: [APIKeyID: APIKeyPolicy] = [:]
    private var apiKeyPrefixes: [String: APIKeyID] = [:]
    /// What the roles of each clinic that has some of its own open.
    private var books: [ClinicID: RoleBook] = [:]
    /// Who holds each of these roles, for a change of it changes what they may do.
    private var holders: [RoleID: Set<UserID>] = [:]
    /// Where a clinic's state stands in `activity`; clinics that are only mentioned have a place as well.
    private var places: [ClinicID: Int] = [:]
    /// Of every clinic whether it is active, apart from what no decision asks; `nil` before it has been told of.
    private var activity: [Bool?] = []
    private var revocations: [SignInID: Instant] = [:]

    package init() {}

    package var userCount: Int { users.count }

    /// What is held of a user; `nil` when unknown.
    package func user(_ id: UserID) -> UserPolicy? { users[id] }

    /// What the roles of a clinic open.
    package func roles(of clinic: ClinicID) -> RoleBook { books[clinic] ?? RoleBook() }

    /// What is held of an API key; `nil` when unknown.
    package func apiKey(_ id: APIKeyID) -> APIKeyPolicy? { apiKeys[id] }
    /// The key that begins so; `nil` when unknown.
    package func apiKey(prefix: String) -> APIKeyPolicy? { apiKeyPrefixes[prefix].flatMap { apiKeys[$0] } }

    /// Whether the caller, and what binds them to the clinic, has arrived here; `false` may only mean not yet.
    package func knows(_ caller: Caller, _ clinic: ClinicID?) -> Bool {
        guard case .user(let id, _) = caller else { return true }
        guard let user = users[id] else { return false }
        guard let clinic, clinic != .installation else { return true }
        return user.membership(in: clinic) != nil || (!user.systemRoles.isEmpty && clinics[clinic] != nil)
    }

    /// Whether a caller is good at all: `nil` if so, else `.revoked` or `.inactive`.
    package func refusal(_ caller: Caller, at now: Instant) -> Decision.Outcome? {
        switch caller {
        case .user(let user, let signIn):
            if let signIn, revocations[signIn] != nil { return .revoked }
            return users[user]?.isActive == true ? nil : .inactive
        case .apiKey(let key): return apiKeys[key]?.isGood(at: now) == true ? nil : .inactive
        }
    }

    /// The clinic of a request that names none; `nil` where the caller has a choice.
    package func onlyClinic(of caller: Caller) -> ClinicID? {
        switch caller {
        case .user(let id, _): users[id].flatMap { $0.systemRoles.isEmpty ? $0.onlyClinic : nil }
        case .apiKey(let key): apiKeys[key]?.grant.clinicId
        }
    }

    /// Where denials are recorded of a caller who strayed into a clinic not theirs.
    package func homeClinic(of caller: Caller) -> ClinicID {
        switch caller {
        case .user(let id, _): users[id]?.homeClinic ?? .installation
        case .apiKey(let key): apiKeys[key]?.grant.clinicId ?? .installation
        }
    }

    /// Decides for whoever it is.
    package func decide(
        _ caller: Caller,
        clinic: ClinicID?,
        permission: PermissionBit?,
        at now: Instant
    ) -> Decision {
        switch caller {
        case .user(let user, let signIn):
            decide(user: user, signIn: signIn, clinic: clinic, permission: permission, at: now)
        case .apiKey(let key): decide(apiKey: key, clinic: clinic, permission: permission, at: now)
        }
    }

    /// A key opens its own clinic and nothing that belongs to no clinic.
    private func decide(
        apiKey id: APIKeyID,
        clinic: ClinicID?,
        permission: PermissionBit?,
        at now: Instant
    ) -> Decision {
        guard let key = apiKeys[id], key.isGood(at: now) else { return Decision(.inactive) }
        guard let clinic else { return key.membership.decision(.forbidden) }
        guard clinic == key.grant.clinicId, let isActive = isActive(clinic) else { return Decision(.notMember) }
        return isActive ? key.membership.decide(permission) : key.membership.suspended
    }

    /// The emergency access that a user has in a clinic at a moment, the newest first.
    package func emergencies(of id: UserID, in clinic: ClinicID, at now: Instant) -> [EmergencyGrant] {
        guard let user = users[id], user.isActive, isActive(clinic) == true,
            let held = user.membership(in: clinic)?.policy.emergencies, !held.isEmpty
        else { return [] }
        return held.filter { $0.expiresAt > now }
    }

    /// Decides for a permission looked up before; `nil`, one that no role holds, is forbidden to everybody.
    ///
    /// Without a clinic, for operations that belong to none, a permission held anywhere lets the caller in: with the
    /// scope `clinic` where a system role gives it for the whole installation, else with `account`, and the operation
    /// shows what the caller may see.
    package func decide(
        user id: UserID,
        signIn: SignInID?,
        clinic: ClinicID?,
        permission: PermissionBit?,
        at now: Instant
    ) -> Decision {
        if let signIn, revocations[signIn] != nil { return Decision(.revoked) }
        guard let user = users[id], user.isActive else { return Decision(.inactive) }
        guard let clinic else { return decideAnywhere(user, permission, at: now) }
        let membership = user.membership(in: clinic)
        guard user.systemRoles.isEmpty, let membership else {
            return decideWithSystemRoles(user, membership?.policy, in: clinic, permission, at: now)
        }
        guard let isActive = activity[membership.place] else { return Decision(.notMember) }
        return isActive ? membership.policy.decide(permission) : membership.policy.suspended
    }

    /// `nil` for a clinic that has not been told of.
    private func isActive(_ clinic: ClinicID) -> Bool? { places[clinic].flatMap { activity[$0] } }

    private func decideAnywhere(_ user: UserPolicy, _ permission: PermissionBit?, at now: Instant) -> Decision {
        let roles = user.systemRoles(in: .installation, at: now)
        let names = roles.map(\.rawValue)
        guard let permission else { return Decision(.forbidden, roles: names) }
        if roles.contains(where: { $0.holds(permission) }) { return Decision(.allowed(.clinic), roles: names) }
        let isHeld =
            user.memberships.contains { activity[$0.place] == true && $0.policy.decide(permission).scope != nil }
            || user.systemRolesAnywhere(at: now).contains { $0.holds(permission) }
        return Decision(isHeld ? .allowed(.account) : .forbidden, roles: names)
    }

    /// As above; looks the permission up first.
    package func decide(
        user: UserID,
        signIn: SignInID?,
        clinic: ClinicID?,
        permission: Permission,
        at now: Instant
    ) -> Decision {
        decide(
            user: user,
            signIn: signIn,
            clinic: clinic,
            permission: PermissionCatalog.bit(of: permission),
            at: now
        )
    }

    private func decideWithSystemRoles(
        _ user: UserPolicy,
        _ membership: MembershipPolicy?,
        in place: ClinicID,
        _ permission: PermissionBit?,
        at now: Instant
    ) -> Decision {
        let isActive = isActive(place)
        guard isActive != nil || place == .installation else { return Decision(.notMember) }
        let roles = user.systemRoles(in: place, at: now)
        var decision: Decision
        if let membership {
            decision = isActive == true ? membership.decide(permission) : membership.suspended
        } else {
            decision = Decision(roles.isEmpty ? .notMember : .forbidden)
        }
        decision.roles += roles.map(\.rawValue)
        if decision.outcome != .allowed(.clinic), let permission, roles.contains(where: { $0.holds(permission) }) {
            decision.outcome = .allowed(.clinic)
        }
        return decision
    }
}

extension PolicySnapshot {
    /// Takes a page in.
    ///
    /// The version moves with the last page only, so that a reader that stops midway asks again.
    package mutating func apply(_ changes: PolicyChanges, isFirst: Bool = true, at now: Instant) {
        if changes.full && isFirst {
            clinics = [:]
            places = [:]
            activity = []
            users = [:]
            apiKeys = [:]
            apiKeyPrefixes = [:]
            books = [:]
            holders = [:]
            revocations = [:]
        }
        for clinic in changes.clinics {
            clinics[clinic.id] = clinic
            activity[place(of: clinic.id)] = clinic.status == .active
        }
        for role in changes.roles ?? [] { books[role.clinicId, default: RoleBook()].take(role) }
        for user in changes.users { hold(user) }
        for key in changes.apiKeys ?? [] { hold(key) }
        spread(changes.roles ?? [])
        for revocation in changes.revocations { revocations[revocation.id] = revocation.until }
        keys = changes.keys
        guard changes.next == nil else { return }
        version = changes.full ? changes.version : max(version, changes.version)
        revocations = revocations.filter { $0.value > now }
    }
}

extension PolicySnapshot {
    /// Takes in what a user was granted, and notes which clinics' own roles are among it.
    private mutating func hold(_ grants: UserGrants) {
        for role in users[grants.id]?.grants.customRoles ?? [] { holders[role]?.remove(grants.id) }
        for role in grants.customRoles { holders[role, default: []].insert(grants.id) }
        for membership in grants.memberships { _ = place(of: membership.clinicId) }
        users[grants.id] = UserPolicy(grants, books, places)
    }

    private mutating func place(of clinic: ClinicID) -> Int {
        if let place = places[clinic] { return place }
        places[clinic] = activity.count
        activity.append(nil)
        return activity.count - 1
    }

    private mutating func hold(_ grant: APIKeyGrant) {
        apiKeys[grant.id] = grant.active ? APIKeyPolicy(grant, roles(of: grant.clinicId)) : nil
        apiKeyPrefixes[grant.prefix] = grant.active ? grant.id : nil
    }

    /// Whoever holds a role that changed may do something else now, though nothing was said of them.
    private mutating func spread(_ roles: [RolePolicy]) {
        if roles.isEmpty { return }
        for user in Set(roles.flatMap { holders[$0.id] ?? [] }) {
            if let held = users[user] { users[user] = UserPolicy(held.grants, books, places) }
        }
        let changed = Set(roles.map(\.id))
        for (id, key) in apiKeys {
            guard let role = key.grant.role.role.custom, changed.contains(role) else { continue }
            apiKeys[id] = APIKeyPolicy(key.grant, self.roles(of: key.grant.clinicId))
        }
    }
}

extension UserGrants {
    /// The clinics' own roles among what is granted.
    fileprivate var customRoles: Set<RoleID> { Set(memberships.flatMap(\.roles).compactMap(\.role.custom)) }
}

extension Role {
    /// Whether a system role opens this permission; always for the whole clinic.
    fileprivate func holds(_ permission: PermissionBit) -> Bool { Roles.set(of: self).contains(permission) }
}
