import AccessAPI
import Authorization
import Contracts
import Core
import Testing

@testable import Access

@Suite struct GrantRuleTests {
    private static let here = LocationID()
    private static let there = LocationID()

    private static func giver(_ grants: RoleGrant..., system: [Role] = []) -> GrantRule.Giver {
        GrantRule.Giver(grants: grants, systemRoles: system)
    }

    @Test(arguments: [
        (RoleGrant(role: .nurse), giver(RoleGrant(role: .clinicAdmin)), true),
        (RoleGrant(role: .clinicAdmin), giver(RoleGrant(role: .clinicAdmin)), true),
        (RoleGrant(role: .clinicAdmin), giver(system: [.superAdmin]), true),
        (RoleGrant(role: .clinicAdmin), giver(RoleGrant(role: .nurse)), false),
        (RoleGrant(role: .accountant), giver(RoleGrant(role: .doctor)), false),
        (RoleGrant(role: .nurse), giver(system: [.systemAuditor]), false),
        (RoleGrant(role: .nurse), giver(), false),
        // Within one's own locations, and not beyond.
        (
            RoleGrant(role: .nurse, locationIds: [here]), giver(RoleGrant(role: .nurse, locationIds: [here, there])),
            true
        ),
        (RoleGrant(role: .nurse, locationIds: [there]), giver(RoleGrant(role: .nurse, locationIds: [here])), false),
        (RoleGrant(role: .nurse), giver(RoleGrant(role: .nurse, locationIds: [here])), false),
    ]) func weighs(_ grant: RoleGrant, _ giver: GrantRule.Giver, _ isAllowed: Bool) {
        if isAllowed {
            #expect(throws: Never.self) { try GrantRule.check([grant], givenBy: giver) }
        } else {
            #expect(throws: Problem.self) { try GrantRule.check([grant], givenBy: giver) }
        }
    }

    @Test func dutiesKeptApartAreRefusedTogether() {
        for (one, other) in Roles.separated {
            let both = [one, other].map { RolePermission(permission: $0.name, scope: .clinic) }
            #expect(throws: Problem.self) { try RoleRule.parse(both) }
            for single in both { #expect(throws: Never.self) { try RoleRule.parse([single]) } }
        }
    }

    @Test func whoeverHoldsOneDutyAppointsToItsCounterpart() {
        let admin = Self.giver(RoleGrant(role: .clinicAdmin))
        #expect(throws: Never.self) { try GrantRule.check([RoleGrant(role: .accountant)], givenBy: admin) }
        #expect(throws: Never.self) { try GrantRule.check([RoleGrant(role: .doctor)], givenBy: admin) }
        let clerk = Self.giver(RoleGrant(role: .receptionist, locationIds: [Self.here]))
        #expect(throws: Problem.self) { try GrantRule.check([RoleGrant(role: .clinicAdmin)], givenBy: clerk) }
    }

    @Test func allFaultsOfARequestAreNamed() {
        let roles = [
            AssignedRole(role: "WIZARD"), AssignedRole(role: "SUPER_ADMIN"), AssignedRole(role: "NURSE"),
            AssignedRole(role: "NURSE", locationIds: [Self.here, Self.here]),
        ]
        let problem = #expect(throws: Problem.self) { try GrantRule.parse(roles) }
        #expect(
            problem?.errors.compactMap(\.pointer) == [
                "/roles/0/role", "/roles/1/role", "/roles/3/role", "/roles/3/locationIds",
            ]
        )
    }
}

@Suite struct PasswordTests {
    @Test func onlyThePasswordMatches() throws {
        let hash = try PasswordHash(of: Secret("correct horse battery"))
        #expect(try hash.matches(Secret("correct horse battery")))
        #expect(try !hash.matches(Secret("correct horse batterx")))
        #expect(try hash != PasswordHash(of: Secret("correct horse battery")))
        #expect(try !PasswordHash.nobody.matches(Secret("")))
    }

    /// RFC 7914 §12: N 16384 is not ours, so a vector of our own size, computed with Python's hashlib.
    @Test func hashesAsOthersDo() throws {
        let salt = Array("0123456789abcdef".utf8)
        let expected = [UInt8](hex: Self.vector) ?? []
        #expect(
            try PasswordHash(salt: salt, hash: expected, cost: PasswordCost(cost: 15)).matches(Secret("pleaseletmein"))
        )
    }

    /// However a hash was made, comparing with it takes the work of one that is made now.
    @Test(arguments: [PasswordCost(cost: 14), PasswordCost(cost: 10), PasswordCost(cost: 12, parallelism: 3), .current])
    func comparingTakesTheWorkOfToday(_ cost: PasswordCost) {
        #expect(cost.work + (cost.supplement?.work ?? 0) == PasswordCost.current.work)
    }

    private static let vector = "c20cfc463977148757a8c6e9ba9d60ad578c6c22758f1814925bc46f635147f4"

    @Test func everybodyInLineGetsATurn() async throws {
        let hasher = PasswordHasher(concurrency: 1)
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<3 {
                group.addTask { (try? await hasher.matches(Secret("x"), nil)) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 0 : 1) }
        }
        #expect(refused == 0)
    }
}
