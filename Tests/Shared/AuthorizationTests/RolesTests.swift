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

    /// Permissions whose service does not ask for them yet; what has got its operation leaves the list.
    private let awaited: Set<String> = [
        "billing_plans:create", "billing_plans:read", "billing_plans:update",
        "conversations:create",
        "conversations:update", "files:create", "files:delete", "files:read", "forms:create",
        "forms:delete", "forms:read", "forms:update", "inventory:create", "inventory:delete", "inventory:read",
        "inventory:update", "invoices:create", "invoices:update", "jobs:read", "jobs:run", "lab_reports:create",
        "lab_reports:read", "lab_reports:update", "medical_records:create", "medical_records:read",
        "medical_records:update", "nurses:create", "nurses:delete", "nurses:read", "nurses:update", "payments:update",
        "prescriptions:create", "prescriptions:dispense", "prescriptions:read", "prescriptions:update",
        "recordings:create", "recordings:delete", "recordings:read", "refunds:approve", "refunds:create",
        "refunds:read", "subscriptions:create", "subscriptions:read", "subscriptions:update",
        "video_sessions:create", "video_sessions:delete", "video_sessions:read",
    ]

    @Test func everyPermissionIsAskedForByAnOperation() {
        let asked = Set(endpoints.flatMap { [$0.guard.permission].compactMap(\.self) + $0.asksWithin }.map(\.name))
        let held = Set(Roles.rules.map(\.permission.name))
        #expect(held.subtracting(asked).subtracting(awaited) == [], "held and never asked for")
        #expect(asked.subtracting(held) == [], "asked for and held by nobody")
        #expect(awaited.intersection(asked) == [], "awaited, and has got its operation")
        #expect(awaited.subtracting(held) == [], "awaited and held by nobody")
    }

    @Test func thereAreEnoughResources() {
        #expect(Set(Roles.rules.map(\.permission.resource)).count >= 30)
    }

    @Test func noRoleHoldsDutiesThatAreKeptApart() {
        for (one, other) in Roles.separated {
            for role in Role.allCases {
                let held = Set(Roles.permissionNames(of: [role]))
                #expect(!held.isSuperset(of: [one.name, other.name]), "\(role.rawValue) holds \(one) and \(other)")
            }
            for permission in [one, other] { #expect(PermissionCatalog.bit(of: permission) != nil, "\(permission)") }
        }
    }

    @Test func anAuditorChangesNothing() {
        for permission in Roles.permissionNames(of: [.systemAuditor]) {
            let action = permission.split(separator: ":").last.map(String.init) ?? ""
            #expect(Roles.auditorsActions.contains(action), "\(permission)")
        }
    }

    @Test func presetsAreRolesThatClinicsGive() {
        #expect(Set(Roles.presets.keys) == Set(RolePreset.allCases.map(\.rawValue)))
        #expect(Roles.presets.values.joined().allSatisfy { !$0.isSystem })
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
