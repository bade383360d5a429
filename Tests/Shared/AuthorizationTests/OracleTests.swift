import Authorization
import Contracts
import Core
import Testing

/// The decision from the cached policy against one written plainly over the same grants, for random histories.
@Suite struct OracleTests {
    private static let rounds = 40
    private static let changesPerRound = 25
    private static let decisionsPerRound = 200

    @Test(arguments: 0..<rounds) func theCachedDecisionIsThePlainOne(_ round: Int) {
        let seed = UInt64.random(in: .min ... .max)
        var world = World(seed: seed)
        var snapshot = PolicySnapshot()
        snapshot.apply(world.everything(), at: world.now)
        for _ in 0..<Self.changesPerRound {
            world.change()
            for (index, page) in world.told().enumerated() {
                snapshot.apply(page, isFirst: index == 0, at: world.now)
            }
            for _ in 0..<(Self.decisionsPerRound / Self.changesPerRound) {
                let (caller, clinic, permission) = world.question()
                let cached = snapshot.decide(
                    caller,
                    clinic: clinic,
                    permission: PermissionCatalog.bit(of: permission),
                    at: world.now
                )
                let plain = world.decide(caller, clinic, permission)
                #expect(cached.outcome == plain, "seed \(seed): \(permission) for \(caller) in \(clinic)")
                let why = snapshot.explain(caller, clinic: clinic, permission: permission, at: world.now)
                #expect((why.reason == .allowedByRole) == (plain.isAllowed), "seed \(seed): \(why.reason)")
                #expect((why.role != nil) == plain.isAllowed, "seed \(seed): \(permission) has no giver")
            }
        }
    }
}

extension Decision.Outcome {
    fileprivate var isAllowed: Bool { if case .allowed = self { true } else { false } }
}

/// Clinics, people, roles and keys as lists, with the changes that were not told yet.
private struct World {
    private(set) var now = Instant(seconds: 1_800_000_000)
    private var random: SplitMix
    private var version: Int64 = 1
    private var clinics: [ClinicPolicy]
    private var users: [UserGrants]
    private var roles: [RolePolicy]
    private var keys: [APIKeyGrant]
    private var revoked: [RevokedSignIn] = []
    private let places: [LocationID]
    private let signIns: [SignInID]
    private var changed: PolicyChanges

    init(seed: UInt64) {
        random = SplitMix(state: seed)
        let clinics = (0..<3).map { _ in
            ClinicPolicy(id: ClinicID(), slug: "c", status: .active, name: "C", timeZone: "UTC")
        }
        self.clinics = clinics
        users = (0..<5).map { _ in UserGrants(id: UserID()) }
        roles = (0..<4).map { RolePolicy(id: RoleID(), clinicId: clinics[$0 % 3].id, permissions: []) }
        keys = []
        places = (0..<3).map { _ in LocationID() }
        signIns = (0..<5).map { _ in SignInID() }
        changed = PolicyChanges(since: 0, version: 1)
        for index in roles.indices { roles[index].permissions = permissions() }
        for index in users.indices { users[index] = grants(to: users[index].id) }
    }

    // MARK: - Changing

    func everything() -> PolicyChanges {
        PolicyChanges(
            since: 0,
            version: version,
            full: true,
            clinics: clinics,
            users: users,
            roles: roles,
            apiKeys: keys,
            revocations: revoked
        )
    }

    /// Between one and three changes at once.
    mutating func change() {
        changed = PolicyChanges(since: version, version: version + 1)
        version += 1
        now = now + .seconds(Int64.random(in: 0...120, using: &random))
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: suspendOrActivate()
            case 1: grantAnew()
            case 2: changeRole()
            case 3: changeKey()
            case 4: revokeSignIn()
            default: grantAnew()
            }
        }
    }

    /// What processes are told: the difference, and now and then everything in two pages.
    mutating func told() -> [PolicyChanges] {
        guard Int.random(in: 0..<8, using: &random) == 0 else { return [changed] }
        var (first, second) = (everything(), everything())
        first.next = "second"
        (first.roles, first.clinics, second.users, second.apiKeys) = ([], [], [], [])
        return [first, second]
    }

    private mutating func suspendOrActivate() {
        let index = Int.random(in: clinics.indices, using: &random)
        clinics[index].status = Bool.random(using: &random) ? .active : .suspended
        changed.clinics.append(clinics[index])
    }

    private mutating func grantAnew() {
        let index = Int.random(in: users.indices, using: &random)
        users[index] = grants(to: users[index].id)
        changed.users.append(users[index])
    }

    private mutating func changeRole() {
        let index = Int.random(in: roles.indices, using: &random)
        roles[index].permissions = Int.random(in: 0..<5, using: &random) == 0 ? [] : permissions()
        changed.roles?.append(roles[index])
    }

    private mutating func changeKey() {
        let isNew = keys.count < 4
        var key = APIKeyGrant(
            id: APIKeyID(),
            clinicId: clinics[Int.random(in: clinics.indices, using: &random)].id,
            prefix: "pck_\(keys.count)",
            secrets: [],
            role: roleGrant(),
            expiresAt: now + .seconds(Int64.random(in: 60...1_200, using: &random))
        )
        if isNew {
            keys.append(key)
        } else {
            let index = Int.random(in: keys.indices, using: &random)
            (key.id, key.clinicId, key.prefix) = (keys[index].id, keys[index].clinicId, keys[index].prefix)
            key.active = keys[index].active && Bool.random(using: &random)
            keys[index] = key
        }
        changed.apiKeys?.append(key)
    }

    private mutating func revokeSignIn() {
        let ended = RevokedSignIn(
            id: signIns[Int.random(in: signIns.indices, using: &random)],
            until: now + .seconds(100_000)
        )
        revoked.append(ended)
        changed.revocations.append(ended)
    }

    // MARK: - Making up

    private mutating func permissions() -> [PermissionReach] {
        var taken: [Permission: ScopeRule] = [:]
        for _ in 0..<Int.random(in: 1...30, using: &random) {
            let rule = Roles.rules[Int.random(in: Roles.rules.indices, using: &random)]
            taken[rule.permission] = ScopeRule.allCases.randomElement(using: &random)
        }
        return taken.sorted { $0.key.name < $1.key.name }.map { PermissionReach(permission: $0.key, scope: $0.value) }
    }

    private mutating func roleGrant() -> RoleGrant {
        let role: RoleReference =
            Int.random(in: 0..<3, using: &random) == 0
            ? .custom(roles[Int.random(in: roles.indices, using: &random)].id)
            : .builtIn(Role.allCases[Int.random(in: Role.allCases.indices, using: &random)])
        let isLimited = Bool.random(using: &random)
        let some = places.shuffled(using: &random).prefix(Int.random(in: 1...2, using: &random))
        return RoleGrant(role: role, locationIds: isLimited ? Array(some) : nil)
    }

    private mutating func grants(to user: UserID) -> UserGrants {
        var grants = UserGrants(id: user, active: Int.random(in: 0..<8, using: &random) > 0)
        for clinic in clinics where Bool.random(using: &random) {
            var roles: [RoleGrant] = []
            for _ in 0..<Int.random(in: 0...3, using: &random) { roles.append(roleGrant()) }
            grants.memberships.append(
                MembershipGrant(
                    clinicId: clinic.id,
                    roles: roles,
                    patientId: Bool.random(using: &random) ? PatientID() : nil,
                    doctorId: Bool.random(using: &random) ? DoctorID() : nil
                )
            )
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
            let named = clinics.filter { _ in Bool.random(using: &random) }.map(\.id)
            grants.systemRoles = [
                SystemGrant(
                    role: Bool.random(using: &random) ? .superAdmin : .systemAuditor,
                    clinicIds: Bool.random(using: &random) ? nil : named,
                    expiresAt: Bool.random(using: &random)
                        ? nil : now + .seconds(Int64.random(in: 30...900, using: &random))
                )
            ]
        }
        return grants
    }

    mutating func question() -> (Caller, ClinicID, Permission) {
        let rule = Roles.rules[Int.random(in: Roles.rules.indices, using: &random)]
        let clinic =
            Int.random(in: 0..<10, using: &random) == 0
            ? ClinicID() : clinics[Int.random(in: clinics.indices, using: &random)].id
        if !keys.isEmpty, Int.random(in: 0..<4, using: &random) == 0 {
            return (.apiKey(keys[Int.random(in: keys.indices, using: &random)].id), clinic, rule.permission)
        }
        let user = users[Int.random(in: users.indices, using: &random)].id
        let signIn = signIns[Int.random(in: signIns.indices, using: &random)]
        // Most sign-ins go on, or everything would end in the same answer.
        let isOld = revoked.contains { $0.id == signIn } && Int.random(in: 0..<3, using: &random) > 0
        return (.user(user, signIn: isOld ? SignInID() : signIn), clinic, rule.permission)
    }

    // MARK: - The plain decision

    func decide(_ caller: Caller, _ clinic: ClinicID, _ permission: Permission) -> Decision.Outcome {
        switch caller {
        case .user(let user, let signIn): decide(user, signIn, clinic, permission)
        case .apiKey(let key): decide(key, clinic, permission)
        }
    }

    private func decide(
        _ id: UserID,
        _ signIn: SignInID?,
        _ clinic: ClinicID,
        _ permission: Permission
    ) -> Decision.Outcome {
        if revoked.contains(where: { $0.id == signIn }) { return .revoked }
        guard let user = users.first(where: { $0.id == id }), user.active else { return .inactive }
        guard let place = clinics.first(where: { $0.id == clinic }) else { return .notMember }
        let system = user.systemRoles.filter { grant in
            (grant.expiresAt.map { $0 > now } ?? true) && (grant.clinicIds.map { $0.contains(clinic) } ?? true)
        }
        let membership = user.memberships.first { $0.clinicId == clinic }
        if membership == nil && system.isEmpty { return .notMember }
        if system.contains(where: { rule(of: permission)?.reach[$0.role] != nil }) { return .allowed(.clinic) }
        guard let membership, place.status == .active else { return .forbidden }
        return outcome(of: membership, permission)
    }

    private func decide(_ id: APIKeyID, _ clinic: ClinicID, _ permission: Permission) -> Decision.Outcome {
        guard let key = keys.first(where: { $0.id == id }), key.active, key.expiresAt > now else { return .inactive }
        guard key.clinicId == clinic, let place = clinics.first(where: { $0.id == clinic }) else { return .notMember }
        guard place.status == .active else { return .forbidden }
        return outcome(of: MembershipGrant(clinicId: clinic, roles: [key.role]), permission)
    }

    private func outcome(of membership: MembershipGrant, _ permission: Permission) -> Decision.Outcome {
        var (hasClinic, locations, hasTreated, hasOwn) = (false, Set<LocationID>(), false, false)
        for grant in membership.roles {
            switch reach(of: grant.role, in: membership.clinicId, permission) {
            case nil: break
            case .clinic: hasClinic = true
            case .locations:
                if let limits = grant.locationIds { locations.formUnion(limits) } else { hasClinic = true }
            case .treated: hasTreated = true
            case .own: hasOwn = true
            }
        }
        if hasClinic { return .allowed(.clinic) }
        if !locations.isEmpty { return .allowed(.locations(locations.sorted())) }
        if hasTreated, let doctor = membership.doctorId { return .allowed(.treated(doctor)) }
        if hasOwn, let patient = membership.patientId { return .allowed(.own(patient)) }
        return .forbidden
    }

    private func reach(of role: RoleReference, in clinic: ClinicID, _ permission: Permission) -> ScopeRule? {
        guard let rule = rule(of: permission) else { return nil }
        switch role {
        case .builtIn(let role): return role == .superAdmin || role == .systemAuditor ? nil : rule.reach[role]
        case .custom(let id):
            guard let role = roles.first(where: { $0.id == id && $0.clinicId == clinic }),
                let held = role.permissions.first(where: { $0.permission == permission })
            else { return nil }
            let isAClinics = rule.reach.contains { !$0.key.isSystem && $0.value == held.scope }
            return isAClinics ? held.scope : nil
        }
    }

    private func rule(of permission: Permission) -> PermissionRule? {
        Roles.rules.first { $0.permission == permission }
    }
}

/// Steele and others' SplitMix64: the same numbers for the same seed.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
