package import AccessAPI
package import Authorization
package import Core

/// Who may give which roles to whom.
package enum GrantRule {
    /// Reads the roles of a request.
    ///
    /// Throws 422 naming each that is unknown, a system role, or named twice. Whether a clinic has a role of its own under
    /// an id is not known here.
    ///
    /// - Parameter pointer: where in the request a role stands.
    package static func parse(
        _ assigned: [AssignedRole],
        pointer place: (Int) -> String = { "/roles/\($0)" }
    ) throws(Problem) -> [RoleGrant] {
        var faults: [Problem.Fault] = []
        var grants: [RoleGrant] = []
        for (index, item) in assigned.enumerated() {
            let pointer = place(index) + "/role"
            guard let role = RoleReference(item.role) else {
                faults.append(.init(pointer: pointer, "is not a role"))
                continue
            }
            if role.isSystem { faults.append(.init(pointer: pointer, "is a system role, which no clinic gives")) }
            if grants.contains(where: { $0.role == role }) { faults.append(.init(pointer: pointer, "appears twice")) }
            if Set(item.locationIds ?? []).count != item.locationIds?.count ?? 0 {
                faults.append(.init(pointer: place(index) + "/locationIds", "names a location twice"))
            }
            grants.append(RoleGrant(role: role, locationIds: item.locationIds))
        }
        if !faults.isEmpty { throw .invalid(faults) }
        return grants
    }

    /// Reads the roles of a request that names them one by one or by a preset; 422 unless it does exactly one of both.
    package static func parse(_ assigned: [AssignedRole]?, or preset: RolePreset?) throws(Problem) -> [RoleGrant] {
        switch (assigned, preset) {
        case (let assigned?, nil): return try parse(assigned)
        case (nil, let preset?): return (Roles.presets[preset.rawValue] ?? []).map { RoleGrant(role: $0) }
        case (nil, nil): throw .invalid("/roles", "or preset is needed")
        case (.some, .some): throw .invalid("/preset", "stands beside roles; one of both is enough")
        }
    }

    /// What somebody holds, as far as giving goes.
    package struct Giver: Sendable {
        /// Roles held in the clinic.
        package var grants: [RoleGrant]
        /// Roles held outside it that count there.
        package var systemRoles: [Role]
        /// What the clinic's roles open, those that are given too.
        package var book: RoleBook

        package init(grants: [RoleGrant], systemRoles: [Role], book: RoleBook = RoleBook()) {
            self.grants = grants
            self.systemRoles = systemRoles
            self.book = book
        }
    }

    /// Throws 403 unless the giver holds everything that the roles open, and as widely.
    ///
    /// What reaches one's own records only (a patient's role) takes nothing from anybody and is not weighed. Whoever runs
    /// the installation appoints, without reading what the appointed may read.
    package static func check(_ roles: [RoleGrant], givenBy giver: Giver) throws(Problem) {
        if giver.systemRoles.contains(.superAdmin) { return }
        for grant in roles where !holds(grant, giver) {
            throw Problem(
                403,
                "grant_exceeds_own",
                "The role \(grant.role.text) opens more than you hold yourself."
            )
        }
    }

    /// Throws 403 unless somebody who defines a role holds everything in it, wherever it may come to be assigned.
    package static func check(_ permissions: [PermissionReach], definedBy giver: Giver) throws(Problem) {
        if giver.systemRoles.contains(.superAdmin) { return }
        for wanted in permissions {
            guard let grant = wanted.grant, !holds(grant, at: nil, giver) else { continue }
            throw Problem(
                403,
                "grant_exceeds_own",
                "The permission \(wanted.permission) reaches further than you hold it yourself."
            )
        }
    }

    private static func holds(_ grant: RoleGrant, _ giver: Giver) -> Bool {
        giver.book.grants(of: grant.role).allSatisfy { holds($0, at: grant.locationIds, giver) }
    }

    private static func holds(_ wanted: PermissionGrant, at locations: [LocationID]?, _ giver: Giver) -> Bool {
        if wanted.reach == .own { return true }
        if let counterpart = Roles.counterpart(of: wanted.bit),
            holdsItself(PermissionGrant(counterpart, wanted.reach), at: locations, giver)
        {
            // Whoever holds one of two duties that are kept apart appoints to the other, or nobody could.
            return true
        }
        return holdsItself(wanted, at: locations, giver)
    }

    private static func holdsItself(
        _ wanted: PermissionGrant,
        at locations: [LocationID]?,
        _ giver: Giver
    ) -> Bool {
        if giver.systemRoles.contains(where: { Roles.set(of: $0).contains(wanted.bit) }) { return true }
        return giver.grants.contains { own in
            giver.book.grants(of: own.role).contains { held in
                held.bit == wanted.bit && held.reach >= wanted.reach
                    && covers(own, held.reach, locations, wanted.reach)
            }
        }
    }

    /// Whether the locations of what is held hold those of what is given.
    private static func covers(
        _ own: RoleGrant,
        _ held: ScopeRule,
        _ locations: [LocationID]?,
        _ wanted: ScopeRule
    ) -> Bool {
        guard held == .locations, let limits = own.locationIds else { return true }
        guard wanted == .locations, let asked = locations else { return wanted != .locations }
        return Set(asked).isSubset(of: limits)
    }
}
