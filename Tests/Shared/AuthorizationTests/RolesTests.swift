import AccessAPI
import AppointmentsAPI
import Authorization
import BillingAPI
import CommunicationAPI
import Contracts
import TestKit
import Testing

/// The table of roles against the operations that exist.
@Suite struct RolesTests {
    private let endpoints: [any EndpointDescription] =
        AccessEndpoints().all + CommunicationEndpoints().all + AppointmentsEndpoints().all + BillingEndpoints().all

    /// Asked for by an operation's own rule rather than by its guard.
    private let askedWithin: Set<String> = ["messages:send_critical", "messages:read_content"]

    @Test func everyPermissionIsAskedForByAnOperation() {
        let asked = Set(endpoints.compactMap(\.guard.permission?.name)).union(askedWithin)
        let held = Set(Roles.rules.map(\.permission.name))
        #expect(held.subtracting(asked) == [], "held and never asked for")
        #expect(asked.subtracting(held) == [], "asked for and held by nobody")
    }

    @Test func everyRoleOpensAnOperation() {
        let asked = Set(endpoints.compactMap(\.guard.permission?.name))
        for role in Role.allCases {
            #expect(!asked.isDisjoint(with: Roles.permissionNames(of: [role])), "\(role.rawValue) opens nothing")
        }
    }

    @Test func permissionsStandOnceAndFit() {
        #expect(Set(Roles.rules.map(\.permission)).count == Roles.rules.count)
        #expect(Roles.rules.count <= PermissionSet.capacity)
        #expect(Roles.rules.allSatisfy { !$0.reach.isEmpty })
    }

    @Test func clinicsCannotHandOutTheInstallation() {
        for name in ["clinics:create", "clinics:suspend", "users:system"] {
            let holders = Role.allCases.filter { Roles.permissionNames(of: [$0]).contains(name) }
            #expect(holders == [.superAdmin], "\(name)")
        }
    }

    @Test func matrixIsTheOneAgreed() throws {
        try Golden.check(Self.matrix(), "roles.txt")
    }

    /// A line per permission, a letter per role: clinic, locations, treated, own, or a dot.
    private static func matrix() -> String {
        let width = (Roles.rules.map(\.permission.name.count).max() ?? 0) + 2
        let names = Role.allCases.map(\.rawValue)
        let head = String(repeating: " ", count: width) + names.joined(separator: " ")
        let rows = Roles.rules.map { rule in
            let name = rule.permission.name
            let cells = Role.allCases.map { role in
                let cell = rule.reach[role].map(\.rawValue) ?? "."
                return cell + String(repeating: " ", count: role.rawValue.count - min(role.rawValue.count, cell.count))
            }
            return name + String(repeating: " ", count: width - name.count) + cells.joined(separator: " ")
        }
        return ([head] + rows).map { String($0.reversed().drop { $0 == " " }.reversed()) }.joined(separator: "\n")
            + "\n"
    }
}
