package import Core

/// What is held of one user, made ready for decisions.
package final class UserPolicy: Sendable {
    package let isActive: Bool
    /// One for each clinic, in the order of their ids: most people have one, and to find it costs less than to hash.
    let memberships: [Membership]
    package let systemRoles: [SystemGrant]
    /// What it was made from.
    let grants: UserGrants

    struct Membership: Sendable {
        let clinic: ClinicID
        /// Where the snapshot keeps the clinic's state.
        let place: Int
        let policy: MembershipPolicy
    }

    /// - Parameter places: of all clinics that are mentioned; a membership elsewhere is none.
    init(_ grants: UserGrants, _ books: [ClinicID: RoleBook], _ places: [ClinicID: Int]) {
        self.grants = grants
        isActive = grants.active
        systemRoles = grants.systemRoles.filter { $0.role.isSystem }
        let newest = Dictionary(grants.memberships.map { ($0.clinicId, $0) }) { _, last in last }
        memberships = newest.sorted { $0.key < $1.key }.compactMap { clinic, grant in
            guard let place = places[clinic] else { return nil }
            return Membership(
                clinic: clinic,
                place: place,
                policy: MembershipPolicy(grant, books[clinic] ?? RoleBook())
            )
        }
    }

    /// The place in a clinic; `nil` for none.
    func membership(in clinic: ClinicID) -> Membership? {
        var (low, high) = (0, memberships.count)
        while low < high {
            let middle = (low + high) / 2
            if memberships[middle].clinic < clinic { low = middle + 1 } else { high = middle }
        }
        return low < memberships.count && memberships[low].clinic == clinic ? memberships[low] : nil
    }

    /// The only clinic the user belongs to; `nil` where there is none or a choice.
    package var onlyClinic: ClinicID? { memberships.count == 1 ? memberships.first?.clinic : nil }
    /// Where denials are recorded of a user who strayed into a clinic not theirs.
    package var homeClinic: ClinicID { memberships.first?.clinic ?? .installation }

    /// System roles that count in a clinic at a moment.
    package func systemRoles(in clinic: ClinicID, at now: Instant) -> [Role] {
        systemRoles.compactMap { grant in
            if let expiry = grant.expiresAt, expiry <= now { return nil }
            if let clinics = grant.clinicIds, !clinics.contains(clinic) { return nil }
            return grant.role
        }
    }
}

extension UserPolicy {
    /// System roles that count somewhere at a moment.
    func systemRolesAnywhere(at now: Instant) -> [Role] {
        systemRoles.compactMap { grant in
            if let expiry = grant.expiresAt, expiry <= now { nil } else { grant.role }
        }
    }
}

/// A user's place in one clinic: for every permission the widest scope any role gives, found by bit tests.
package final class MembershipPolicy: Sendable {
    package let grants: [RoleGrant]
    package let roleNames: [String]
    package let patient: PatientID?
    package let doctor: DoctorID?
    let emergencies: [EmergencyGrant]
    /// Disjoint sets, one per scope; most members have one to three.
    private let reach: [(permissions: PermissionSet, scope: Scope)]

    init(_ membership: MembershipGrant, _ book: RoleBook) {
        grants = membership.roles
        // A clinic cannot give what reaches past it, whatever a row says.
        let roles = membership.roles.filter { !$0.role.isSystem }
        roleNames = roles.map(\.role.text)
        patient = membership.patientId
        doctor = membership.doctorId
        emergencies = membership.emergencies ?? []
        reach = Self.reach(of: roles, book, patient: membership.patientId, doctor: membership.doctorId)
    }

    func decide(_ permission: PermissionBit?) -> Decision {
        guard let permission else { return decision(.forbidden) }
        for (permissions, scope) in reach where permissions.contains(permission) { return decision(.allowed(scope)) }
        return decision(.forbidden)
    }

    var suspended: Decision {
        var decision = decision(.forbidden)
        decision.isClinicSuspended = true
        return decision
    }

    func decision(_ outcome: Decision.Outcome) -> Decision {
        Decision(outcome, roles: roleNames, patient: patient, doctor: doctor)
    }

    /// Groups the permissions of all roles by the widest scope each is held in.
    private static func reach(
        of roles: [RoleGrant],
        _ book: RoleBook,
        patient: PatientID?,
        doctor: DoctorID?
    ) -> [(permissions: PermissionSet, scope: Scope)] {
        var widest: [PermissionBit: Scope] = [:]
        for grant in roles {
            for held in book.grants(of: grant.role) {
                guard let scope = scope(held.reach, grant, patient: patient, doctor: doctor) else { continue }
                widest[held.bit] = widest[held.bit].map { wider($0, scope) } ?? scope
            }
        }
        var groups: [Scope: PermissionSet] = [:]
        for (bit, scope) in widest { groups[scope, default: PermissionSet()].insert(bit) }
        return groups.map { ($0.value, $0.key) }
    }

    /// `nil` where the reach needs a record that this member does not have.
    private static func scope(
        _ rule: ScopeRule,
        _ grant: RoleGrant,
        patient: PatientID?,
        doctor: DoctorID?
    ) -> Scope? {
        switch rule {
        case .clinic: .clinic
        case .locations: grant.locationIds.map { .locations($0.sorted()) } ?? .clinic
        case .treated: doctor.map { .treated($0) }
        case .own: patient.map { .own($0) }
        }
    }

    /// Locations of several roles add up; otherwise the wider kind wins, since a request has one scope.
    private static func wider(_ left: Scope, _ right: Scope) -> Scope {
        if case .locations(let some) = left, case .locations(let others) = right {
            return .locations(Set(some + others).sorted())
        }
        return width(left) >= width(right) ? left : right
    }

    private static func width(_ scope: Scope) -> Int {
        switch scope {
        case .account: 0
        case .own: 1
        case .treated: 2
        case .locations: 3
        case .clinic: 4
        }
    }
}
