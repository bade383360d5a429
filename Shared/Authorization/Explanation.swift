package import Contracts
package import Core

/// A decision with the reason for it, for whoever asks why.
package struct Explanation: Sendable {
    /// Stable codes.
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        /// A role gives it.
        case allowedByRole = "allowed_by_role"
        /// No role held there gives it.
        case forbidden
        case unknownPermission = "unknown_permission"
        /// A role gives it for the caller's own patient's or doctor's record, and there is none.
        case recordMissing = "record_missing"
        /// A system role gave it until a moment that has passed.
        case expired
        case clinicSuspended = "clinic_suspended"
        case notMember = "not_member"
        /// The account is deactivated, or the key revoked or past its time.
        case inactive
        case revoked
        /// Given, and not as far as the resource that was named.
        case locationOutOfScope = "location_out_of_scope"
        case patientOutOfScope = "patient_out_of_scope"
        case doctorOutOfScope = "doctor_out_of_scope"
    }

    package var decision: Decision
    package var reason: Reason
    /// The role that gives it.
    package var role: RoleReference?
}

/// What is known of a resource that somebody would like to reach.
package struct ResourceFacts: Hashable, Sendable {
    package var location: LocationID?
    package var patient: PatientID?
    package var doctor: DoctorID?

    package init(location: LocationID? = nil, patient: PatientID? = nil, doctor: DoctorID? = nil) {
        self.location = location
        self.patient = patient
        self.doctor = doctor
    }
}

extension PolicySnapshot {
    /// Decides as `decide` does, and says why.
    ///
    /// Which patients a doctor treats is the calendar's to know: a scope of `treated` excludes no patient here.
    package func explain(
        _ caller: Caller,
        clinic: ClinicID,
        permission: Permission,
        on resource: ResourceFacts = ResourceFacts(),
        at now: Instant
    ) -> Explanation {
        let bit = PermissionCatalog.bit(of: permission)
        let decision = decide(caller, clinic: clinic, permission: bit, at: now)
        switch decision.outcome {
        case .allowed(let scope):
            let role = bit.flatMap { giver(of: $0, scope, to: caller, in: clinic, at: now) }
            return Explanation(decision: decision, reason: scope.refusal(of: resource) ?? .allowedByRole, role: role)
        case .forbidden:
            let reason = reasonToForbid(bit, decision, caller, clinic, at: now)
            return Explanation(decision: decision, reason: reason, role: nil)
        case .notMember:
            let expired = bit.map { expiredRoleGave($0, to: caller, in: clinic, at: now) } ?? false
            return Explanation(decision: decision, reason: expired ? .expired : .notMember, role: nil)
        case .revoked: return Explanation(decision: decision, reason: .revoked, role: nil)
        case .inactive: return Explanation(decision: decision, reason: .inactive, role: nil)
        }
    }

    private func reasonToForbid(
        _ bit: PermissionBit?,
        _ decision: Decision,
        _ caller: Caller,
        _ clinic: ClinicID,
        at now: Instant
    ) -> Explanation.Reason {
        guard let bit else { return .unknownPermission }
        if decision.isClinicSuspended { return .clinicSuspended }
        let grants = membership(of: caller, in: clinic)?.clinicGrants ?? []
        let book = roles(of: clinic)
        if grants.contains(where: { grant in book.grants(of: grant.role).contains { $0.bit == bit } }) {
            return .recordMissing
        }
        return expiredRoleGave(bit, to: caller, in: clinic, at: now) ? .expired : .forbidden
    }

    /// The role that gives a permission in a scope; of several the first.
    private func giver(
        of bit: PermissionBit,
        _ scope: Scope,
        to caller: Caller,
        in clinic: ClinicID,
        at now: Instant
    ) -> RoleReference? {
        let membership = membership(of: caller, in: clinic)
        let book = roles(of: clinic)
        let holders = (membership?.clinicGrants ?? []).filter { grant in
            book.grants(of: grant.role).contains { $0.bit == bit && $0.reach.word(for: grant) == scope.word }
        }
        if let holder = holders.first { return holder.role }
        guard case .user(let id, _) = caller, let user = user(id) else { return nil }
        return user.systemRoles(in: clinic, at: now).first { Roles.set(of: $0).contains(bit) }.map { .builtIn($0) }
    }

    private func expiredRoleGave(
        _ bit: PermissionBit,
        to caller: Caller,
        in clinic: ClinicID,
        at now: Instant
    ) -> Bool {
        guard case .user(let id, _) = caller, let user = user(id) else { return false }
        return user.systemRoles.contains { grant in
            guard let expiry = grant.expiresAt, expiry <= now else { return false }
            return grant.clinicIds?.contains(clinic) ?? true && Roles.set(of: grant.role).contains(bit)
        }
    }

    private func membership(of caller: Caller, in clinic: ClinicID) -> MembershipPolicy? {
        switch caller {
        case .user(let id, _): user(id)?.membership(in: clinic)?.policy
        case .apiKey(let id): apiKey(id).flatMap { $0.grant.clinicId == clinic ? $0.membership : nil }
        }
    }
}

extension MembershipPolicy {
    /// The grants that count: a clinic cannot give what reaches past it.
    fileprivate var clinicGrants: [RoleGrant] { grants.filter { !$0.role.isSystem } }
}

extension ScopeRule {
    /// The scope's word that a grant of this reach comes to.
    fileprivate func word(for grant: RoleGrant) -> String {
        switch self {
        case .own: "own"
        case .treated: "treated"
        case .locations: grant.locationIds == nil ? "clinic" : "locations"
        case .clinic: "clinic"
        }
    }
}

extension Scope {
    /// Why a resource lies outside; `nil` where it does not, as far as can be told from what is known of it.
    fileprivate func refusal(of resource: ResourceFacts) -> Explanation.Reason? {
        switch self {
        case .clinic: nil
        case .account: .forbidden
        case .locations(let reach):
            if let location = resource.location, !reach.contains(location) { .locationOutOfScope } else { nil }
        case .own(let patient):
            if let other = resource.patient, other != patient { .patientOutOfScope } else { nil }
        case .treated(let doctor):
            if let other = resource.doctor, other != doctor { .doctorOutOfScope } else { nil }
        }
    }
}
