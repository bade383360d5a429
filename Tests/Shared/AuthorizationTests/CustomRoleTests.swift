import Authorization
import Contracts
import Core
import Testing

/// Roles that clinics made for themselves, in the policy that everybody decides with.
@Suite struct CustomRoleTests {
    private static let now = Instant(seconds: 1_800_000_000)
    private let clinic = ClinicID()
    private let other = ClinicID()
    private let user = UserID()
    private let role = RoleID()

    private func policy(_ permissions: [(StaticString, ScopeRule)], of clinic: ClinicID? = nil) -> RolePolicy {
        RolePolicy(
            id: role,
            clinicId: clinic ?? self.clinic,
            permissions: permissions.map { PermissionReach(permission: Permission($0.0), scope: $0.1) }
        )
    }

    private func snapshot(_ roles: [RolePolicy], locations: [LocationID]? = nil) -> PolicySnapshot {
        let membership = MembershipGrant(
            clinicId: clinic,
            roles: [RoleGrant(role: .custom(role), locationIds: locations)]
        )
        var snapshot = PolicySnapshot()
        let clinics = [clinic, other].map {
            ClinicPolicy(id: $0, slug: "c", status: .active, name: "C", timeZone: "UTC")
        }
        let user = UserGrants(id: user, memberships: [membership])
        snapshot.apply(
            PolicyChanges(since: 0, version: 5, full: true, clinics: clinics, users: [user], roles: roles),
            at: Self.now
        )
        return snapshot
    }

    private func decision(_ snapshot: PolicySnapshot, _ permission: StaticString) -> Decision {
        snapshot.decide(user: user, signIn: nil, clinic: clinic, permission: Permission(permission), at: Self.now)
    }

    @Test func aRoleReachesAsFarAsItSays() {
        let place = LocationID()
        let held = policy([("appointments:read", .locations), ("doctors:create", .clinic)])
        let everywhere = snapshot([held])
        #expect(decision(everywhere, "appointments:read").outcome == .allowed(.clinic))
        #expect(decision(everywhere, "doctors:create").outcome == .allowed(.clinic))
        #expect(decision(everywhere, "doctors:delete").outcome == .forbidden)
        #expect(decision(everywhere, "doctors:create").roles == [role.description])
        let limited = snapshot([held], locations: [place])
        #expect(decision(limited, "appointments:read").outcome == .allowed(.locations([place])))
    }

    @Test func aChangeOfARoleReachesItsHolders() {
        var policy = snapshot([])
        #expect(decision(policy, "doctors:create").outcome == .forbidden, "the role has not arrived")
        func change(_ role: RolePolicy, version: Int64) {
            policy.apply(PolicyChanges(since: version - 1, version: version, roles: [role]), at: Self.now)
        }
        change(self.policy([("doctors:create", .clinic)]), version: 6)
        #expect(decision(policy, "doctors:create").outcome == .allowed(.clinic))
        change(self.policy([("doctors:delete", .clinic)]), version: 7)
        #expect(decision(policy, "doctors:create").outcome == .forbidden)
        #expect(decision(policy, "doctors:delete").outcome == .allowed(.clinic))
        change(self.policy([]), version: 8)
        #expect(decision(policy, "doctors:delete").outcome == .forbidden)
        // Who no longer holds it is not touched by it.
        policy.apply(PolicyChanges(since: 8, version: 9, users: [UserGrants(id: user)]), at: Self.now)
        change(self.policy([("doctors:create", .clinic)]), version: 10)
        #expect(decision(policy, "doctors:create").outcome == .notMember)
    }

    @Test func aRoleOfAnotherClinicOpensNothing() {
        let foreign = snapshot([policy([("doctors:create", .clinic)], of: other)])
        #expect(decision(foreign, "doctors:create").outcome == .forbidden)
    }

    @Test func aRoleNeverHoldsWhatIsNoClinicsToGive() {
        let stolen = snapshot([
            policy([("clinics:create", .clinic), ("users:create", .own), ("users:system", .clinic)])
        ])
        for permission: StaticString in ["clinics:create", "users:create", "users:system"] {
            #expect(decision(stolen, permission).outcome == .forbidden, "\(permission)")
        }
    }

    @Test func referencesAreNamesOrIds() throws {
        #expect(RoleReference("DOCTOR") == .builtIn(.doctor))
        #expect(RoleReference(role.description) == .custom(role))
        #expect(RoleReference("doctor") == nil)
        let grants = [RoleGrant(role: .custom(role)), RoleGrant(role: .nurse)]
        let json = try JSONWriter.encode(grants)
        #expect(String(decoding: json, as: UTF8.self) == #"[{"role":"\#(role)"},{"role":"NURSE"}]"#)
        #expect(try JSONTape(json).decode([RoleGrant].self) == grants)
    }
}
