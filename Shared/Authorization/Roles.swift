package import Contracts

/// The whole of what roles may do: one row per permission, and in it the roles that hold it and how far.
///
/// A permission that no operation asks for fails a test unless it stands among those that await their service; so does a
/// role that opens nothing. The same table as a matrix is a golden file of the tests.
package enum Roles {
    package static let rules: [PermissionRule] = [
        // Clinics, locations, people
        PermissionRule("clinics:create", clinic: [.superAdmin]),
        PermissionRule("clinics:read", clinic: everyone),
        PermissionRule("clinics:update", clinic: administrators),
        PermissionRule("clinics:activate", clinic: [.superAdmin]),
        PermissionRule("clinics:suspend", clinic: [.superAdmin]),
        PermissionRule("locations:create", clinic: administrators),
        PermissionRule("locations:read", clinic: everyone),
        PermissionRule("locations:update", clinic: administrators, locations: [.locationHead]),
        PermissionRule("locations:delete", clinic: administrators),
        PermissionRule("users:create", clinic: administrators),
        PermissionRule("users:read", clinic: administrators + [.systemAuditor], locations: [.locationHead]),
        PermissionRule("users:update", clinic: administrators),
        PermissionRule("users:delete", clinic: administrators),
        PermissionRule(
            "users:reset_second_factor",
            "Take a colleague's lost authenticator app away",
            clinic: administrators
        ),
        PermissionRule("users:system", "Make accounts and give system roles", clinic: [.superAdmin]),
        PermissionRule("roles:create", clinic: administrators),
        PermissionRule("roles:read", clinic: administrators + [.systemAuditor, .locationHead]),
        PermissionRule("roles:update", clinic: administrators),
        PermissionRule("roles:delete", clinic: administrators),
        PermissionRule("roles:assign", "Give roles to people and take them away", clinic: administrators),
        PermissionRule("api_keys:create", "Make API keys and renew their secrets", clinic: administrators),
        PermissionRule("api_keys:read", clinic: administrators),
        PermissionRule("api_keys:delete", clinic: administrators),

        // The audit trail
        PermissionRule("audit:read", clinic: administrators + [.systemAuditor]),
        PermissionRule("audit:export", clinic: administrators + [.systemAuditor]),
        PermissionRule(
            "break_glass:use",
            "Read one patient's record in an emergency",
            clinic: administrators + [.locationHead, .doctor, .nurse, .pharmacist, .labTechnician]
        ),
        PermissionRule("break_glass:review", "Review what was read in emergencies", clinic: administrators),
        PermissionRule("access_report:read", "See who looked at one's own record", clinic: [], own: [.patient]),

        // The running of the installation
        PermissionRule("jobs:read", clinic: [.superAdmin]),
        PermissionRule("jobs:run", "Start scheduled work and what failed anew", clinic: [.superAdmin]),

        // Communication
        PermissionRule(
            "communication_config:create",
            "Try providers, and put earlier ones in force again",
            clinic: administrators
        ),
        PermissionRule("communication_config:read", clinic: administrators),
        PermissionRule("communication_config:update", clinic: administrators),
        PermissionRule("communication_config:delete", clinic: administrators),
        PermissionRule("installation_config:read", clinic: [.superAdmin]),
        PermissionRule("installation_config:update", clinic: [.superAdmin]),
        PermissionRule("installation_config:delete", clinic: [.superAdmin]),
        PermissionRule("messages:send", clinic: administrators + careTeam + [.accountant]),
        PermissionRule(
            "messages:send_critical",
            "Send messages that wait for nothing",
            clinic: administrators + [.locationHead, .doctor, .nurse]
        ),
        PermissionRule("messages:read", clinic: administrators + careTeam + [.accountant], own: [.patient]),
        PermissionRule(
            "messages:read_content",
            "Read what messages say",
            clinic: [.clinicAdmin, .doctor, .nurse, .receptionist]
        ),
        PermissionRule("templates:create", clinic: administrators),
        PermissionRule("templates:read", clinic: administrators + careTeam),
        PermissionRule("templates:update", clinic: administrators),
        PermissionRule("templates:delete", clinic: administrators),
        PermissionRule("suppressions:create", clinic: administrators + [.receptionist]),
        PermissionRule(
            "suppressions:read",
            "See whom messages do not reach, and how people want to be written to",
            clinic: administrators + careTeam,
            own: [.patient]
        ),
        PermissionRule(
            "suppressions:update",
            "Change how long messages stay away, and how people want to be written to",
            clinic: administrators + frontDesk,
            own: [.patient]
        ),
        PermissionRule("suppressions:delete", clinic: administrators),
        PermissionRule(
            "devices:create",
            "Have notices reach an app of somebody's",
            clinic: administrators + [.receptionist],
            own: [.patient]
        ),
        PermissionRule("devices:read", clinic: administrators + careTeam, own: [.patient]),
        PermissionRule(
            "devices:delete",
            "Send no more notices to an app of somebody's",
            clinic: administrators + [.receptionist],
            own: [.patient]
        ),
        PermissionRule("conversations:create", clinic: [.clinicAdmin] + careTeam, own: [.patient]),
        PermissionRule("conversations:read", clinic: [.clinicAdmin] + careTeam, own: [.patient]),
        PermissionRule("conversations:update", clinic: [.clinicAdmin] + careTeam),

        // The calendar
        PermissionRule("doctors:create", clinic: administrators),
        PermissionRule("doctors:read", clinic: everyoneButAuditor),
        PermissionRule("doctors:update", clinic: administrators, locations: [.locationHead], treated: [.doctor]),
        PermissionRule("doctors:delete", clinic: administrators),
        PermissionRule("nurses:create", clinic: administrators),
        PermissionRule("nurses:read", clinic: everyoneButAuditor),
        PermissionRule("nurses:update", clinic: administrators, locations: [.locationHead]),
        PermissionRule("nurses:delete", clinic: administrators),
        PermissionRule("services:create", clinic: administrators),
        PermissionRule("services:read", clinic: everyoneButAuditor),
        PermissionRule("services:update", clinic: administrators),
        PermissionRule("services:delete", clinic: administrators),
        PermissionRule("availability:read", clinic: everyoneButAuditor),
        PermissionRule("availability:update", clinic: administrators, locations: [.locationHead], treated: [.doctor]),
        PermissionRule("patients:create", clinic: administrators + [.receptionist, .nurse, .locationHead]),
        PermissionRule(
            "patients:read",
            clinic: administrators,
            locations: frontDesk + [.pharmacist, .labTechnician, .accountant],
            treated: [.doctor],
            own: [.patient],
            inEmergency: true
        ),
        PermissionRule(
            "patients:update",
            clinic: administrators,
            locations: frontDesk,
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule("patients:delete", clinic: administrators),
        PermissionRule(
            "appointments:create",
            clinic: administrators,
            locations: frontDesk,
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule(
            "appointments:read",
            clinic: administrators,
            locations: frontDesk + [.labTechnician, .accountant],
            treated: [.doctor],
            own: [.patient],
            inEmergency: true
        ),
        PermissionRule(
            "appointments:update",
            clinic: administrators,
            locations: frontDesk,
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule(
            "appointments:delete",
            clinic: administrators,
            locations: frontDesk,
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule("video_sessions:create", clinic: administrators, locations: frontDesk, treated: [.doctor]),
        PermissionRule(
            "video_sessions:read",
            clinic: administrators,
            locations: frontDesk,
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule("video_sessions:delete", clinic: administrators, locations: frontDesk, treated: [.doctor]),
        PermissionRule("video_config:read", clinic: administrators),
        PermissionRule("video_config:update", clinic: administrators),
        PermissionRule("recordings:create", clinic: [.clinicAdmin], treated: [.doctor]),
        PermissionRule("recordings:read", clinic: [.clinicAdmin], treated: [.doctor], own: [.patient]),
        PermissionRule("recordings:delete", clinic: [.clinicAdmin]),

        // Care: whoever runs the installation has no part in it
        PermissionRule("medical_records:create", clinic: [.clinicAdmin], locations: [.nurse], treated: [.doctor]),
        PermissionRule(
            "medical_records:read",
            clinic: [.clinicAdmin],
            locations: [.nurse],
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule("medical_records:update", clinic: [.clinicAdmin], locations: [.nurse], treated: [.doctor]),
        PermissionRule("prescriptions:create", clinic: [.clinicAdmin], treated: [.doctor]),
        PermissionRule(
            "prescriptions:read",
            clinic: [.clinicAdmin],
            locations: [.nurse, .pharmacist],
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule("prescriptions:update", clinic: [.clinicAdmin], treated: [.doctor]),
        PermissionRule(
            "prescriptions:dispense",
            "Hand out what was prescribed",
            clinic: [.clinicAdmin],
            locations: [.pharmacist]
        ),
        PermissionRule("lab_reports:create", clinic: [.clinicAdmin], locations: [.labTechnician]),
        PermissionRule(
            "lab_reports:read",
            clinic: [.clinicAdmin],
            locations: [.nurse, .labTechnician],
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule("lab_reports:update", clinic: [.clinicAdmin], locations: [.labTechnician]),
        PermissionRule("forms:create", clinic: administrators),
        PermissionRule("forms:read", clinic: administrators + careTeam, own: [.patient]),
        PermissionRule("forms:update", clinic: administrators),
        PermissionRule("forms:delete", clinic: administrators),
        PermissionRule(
            "files:create",
            clinic: [.clinicAdmin],
            locations: frontDesk + [.labTechnician],
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule(
            "files:read",
            clinic: [.clinicAdmin],
            locations: frontDesk + [.labTechnician],
            treated: [.doctor],
            own: [.patient]
        ),
        PermissionRule("files:delete", clinic: [.clinicAdmin]),
        PermissionRule("inventory:create", clinic: administrators, locations: [.inventoryManager]),
        PermissionRule("inventory:read", clinic: administrators, locations: [.inventoryManager, .pharmacist]),
        PermissionRule("inventory:update", clinic: administrators, locations: [.inventoryManager, .pharmacist]),
        PermissionRule("inventory:delete", clinic: administrators, locations: [.inventoryManager]),

        // Money
        PermissionRule("billing_config:read", clinic: administrators + [.accountant]),
        PermissionRule("billing_config:update", clinic: administrators),
        PermissionRule("billing_plans:create", clinic: administrators + [.accountant]),
        PermissionRule("billing_plans:read", clinic: administrators + [.accountant, .receptionist, .patient]),
        PermissionRule("billing_plans:update", clinic: administrators + [.accountant]),
        PermissionRule(
            "subscriptions:create",
            clinic: administrators + [.accountant],
            locations: [.receptionist],
            own: [.patient]
        ),
        PermissionRule(
            "subscriptions:read",
            clinic: administrators + [.accountant],
            locations: [.locationHead, .receptionist],
            own: [.patient]
        ),
        PermissionRule("subscriptions:update", clinic: administrators + [.accountant], own: [.patient]),
        PermissionRule("invoices:create", clinic: administrators + [.accountant], locations: [.receptionist]),
        PermissionRule("invoices:update", clinic: administrators + [.accountant]),
        PermissionRule(
            "invoices:read",
            clinic: administrators + [.accountant],
            locations: [.locationHead, .receptionist],
            own: [.patient]
        ),
        PermissionRule(
            "payments:create",
            clinic: administrators + [.accountant],
            locations: [.locationHead, .receptionist],
            own: [.patient]
        ),
        PermissionRule(
            "payments:read",
            clinic: administrators + [.accountant],
            locations: [.locationHead, .receptionist],
            own: [.patient]
        ),
        PermissionRule("payments:update", "Capture payments", clinic: administrators + [.accountant]),
        PermissionRule("refunds:create", clinic: [.accountant], locations: [.receptionist]),
        PermissionRule("refunds:read", clinic: administrators + [.accountant], locations: [.receptionist]),
        PermissionRule("refunds:approve", "Approve refunds or reject them", clinic: administrators),
        PermissionRule("reports:read", clinic: administrators + [.accountant]),
        PermissionRule("ledger:read", clinic: administrators + [.accountant, .systemAuditor]),
    ]

    /// Duties that no role holds together: who does the one does not do the other.
    package static let separated: [(Permission, Permission)] = [
        (Permission("refunds:create"), Permission("refunds:approve"))
    ]

    /// What an auditor may do at all: nothing that changes anything.
    package static let auditorsActions: Set<String> = ["read", "export"]

    /// What a small clinic gives a person in one go.
    package static let presets: [String: [Role]] = [
        "owner": [.clinicAdmin, .accountant],
        "staff": [.receptionist, .inventoryManager],
    ]

    private static let administrators: [Role] = [.superAdmin, .clinicAdmin]
    private static let frontDesk: [Role] = [.locationHead, .nurse, .receptionist]
    private static let careTeam: [Role] = [.locationHead, .doctor, .nurse, .receptionist]
    private static let everyone = Role.allCases
    private static let everyoneButAuditor = Role.allCases.filter { $0 != .systemAuditor }

    /// The permissions of one role with their reach, by bit; computed once.
    private static let byRole: [Role: [PermissionGrant]] = {
        var table: [Role: [PermissionGrant]] = [:]
        for (index, rule) in rules.enumerated() {
            for (role, reach) in rule.reach {
                table[role, default: []].append(PermissionGrant(PermissionBit(index), reach))
            }
        }
        return table.mapValues { $0.sorted { $0.bit.index < $1.bit.index } }
    }()

    /// What a role holds, in the order of the rows.
    package static func grants(of role: Role) -> [PermissionGrant] { byRole[role] ?? [] }

    /// How far a clinic's own roles may let a permission reach: as its built-in ones do, for further operations do not
    /// look; not at all where only system roles hold it.
    package static func reaches(of bit: PermissionBit) -> Set<ScopeRule> { rules[bit.index].clinicReaches }

    /// The duty that is kept apart from this one.
    package static func counterpart(of bit: PermissionBit) -> PermissionBit? { counterparts[bit] }

    private static let counterparts: [PermissionBit: PermissionBit] = {
        let pairs = separated.flatMap { [($0, $1), ($1, $0)] }.compactMap { one, other in
            PermissionCatalog.bit(of: one).flatMap { bit in PermissionCatalog.bit(of: other).map { (bit, $0) } }
        }
        return Dictionary(pairs) { first, _ in first }
    }()

    private static let sets: [Role: PermissionSet] = byRole.mapValues { grants in
        var set = PermissionSet()
        for grant in grants { set.insert(grant.bit) }
        return set
    }

    /// What a role holds, however far.
    package static func set(of role: Role) -> PermissionSet { sets[role] ?? PermissionSet() }

    private static let emergency = Set(rules.filter(\.inEmergency).map(\.permission))

    /// Whether emergency access to a patient lets somebody do this to that patient's record.
    package static func opensInEmergency(_ permission: Permission) -> Bool { emergency.contains(permission) }

    /// The names of all permissions that these roles hold together, sorted.
    package static func permissionNames(of roles: some Sequence<Role>) -> [String] {
        var held = PermissionSet()
        for role in roles { for grant in grants(of: role) { held.insert(grant.bit) } }
        return PermissionCatalog.names(in: held)
    }
}

/// One row of the table: who holds a permission, and how far it reaches.
package struct PermissionRule: Sendable {
    package let permission: Permission
    /// What it lets its holder do, in a few words.
    package let summary: String
    /// Each role at most once, with its widest reach.
    package let reach: [Role: ScopeRule]
    /// How far the roles that a clinic gives hold it.
    let clinicReaches: Set<ScopeRule>
    /// Whether emergency access to a patient opens it, for that patient.
    package let inEmergency: Bool

    init(
        _ name: StaticString,
        _ summary: String? = nil,
        clinic: [Role],
        locations: [Role] = [],
        treated: [Role] = [],
        own: [Role] = [],
        inEmergency: Bool = false
    ) {
        permission = Permission(name)
        self.inEmergency = inEmergency
        var reach: [Role: ScopeRule] = [:]
        for (roles, rule) in [(own, ScopeRule.own), (treated, .treated), (locations, .locations), (clinic, .clinic)] {
            for role in roles { reach[role] = rule }
        }
        self.reach = reach
        clinicReaches = Set(reach.filter { !$0.key.isSystem }.values)
        let things = permission.resource.replacing("_", with: " ")
        self.summary = summary ?? "\(Self.verbs[permission.action] ?? Self.capitalised(permission.action)) \(things)"
    }

    private static func capitalised(_ word: String) -> String { word.prefix(1).uppercased() + word.dropFirst() }
    private static let verbs = ["create": "Add", "read": "See", "update": "Change", "delete": "Remove"]
}
