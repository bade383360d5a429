import Authorization
import Contracts
import Core

/// A decision as the gateway makes it, in a policy of 1,000 clinics and 20,000 people.
enum PermissionRow {
    static let clinics = 1_000
    static let peoplePerClinic = 20
    static let decisions = 5_000_000

    static func measure() async throws -> [String: Double] {
        let now = Instant.now()
        let clinicIDs = (0..<clinics).map { _ in ClinicID() }
        let roles: [Role] = [.receptionist, .doctor, .nurse, .clinicAdmin, .patient]
        var people: [(user: UserID, clinic: ClinicID)] = []
        var grants: [UserGrants] = []
        for clinic in clinicIDs {
            for number in 0..<peoplePerClinic {
                let user = UserID()
                people.append((user, clinic))
                let membership = MembershipGrant(
                    clinicId: clinic,
                    roles: [RoleGrant(role: roles[number % roles.count])]
                )
                grants.append(UserGrants(id: user, active: true, systemRoles: [], memberships: [membership]))
            }
        }
        let policies = clinicIDs.map { ClinicPolicy(id: $0, slug: "c", status: .active, name: "C", timeZone: "UTC") }
        var snapshot = PolicySnapshot()
        snapshot.apply(
            PolicyChanges(
                since: 0,
                version: 1,
                full: true,
                clinics: policies,
                users: grants,
                revocations: [],
                keys: []
            ),
            at: now
        )
        // Looked up once per operation, as the gateway does.
        let permission = PermissionCatalog.bit(of: Permission("appointments:read"))
        let signIn = SignInID()
        var allowed = 0
        let order = (0..<4_096).map { _ in people[Int.random(in: 0..<people.count)] }
        let took = await seconds {
            for turn in 0..<decisions {
                let (user, clinic) = order[turn & 4_095]
                let decision = snapshot.decide(
                    user: user,
                    signIn: signIn,
                    clinic: clinic,
                    permission: permission,
                    at: now
                )
                if case .allowed = decision.outcome { allowed += 1 }
            }
        }
        precondition(allowed > 0, "Cannot measure decisions that all refuse")
        return ["ns": took / Double(decisions) * 1e9]
    }
}
