import Authorization
import Contracts
import Core
import Testing

@Suite struct PolicySnapshotTests {
    private static let now = Instant(seconds: 1_800_000_000)
    private let clinic = ClinicID()
    private let other = ClinicID()
    private let user = UserID()
    private let signIn = SignInID()
    private let patient = PatientID()
    private let doctor = DoctorID()

    private func snapshot(_ change: (inout UserGrants) -> Void = { _ in }) -> PolicySnapshot {
        var grants = UserGrants(id: user)
        change(&grants)
        var snapshot = PolicySnapshot()
        let clinics = [clinic, other].map {
            ClinicPolicy(id: $0, slug: "c", status: .active, name: "C", timeZone: "UTC")
        }
        snapshot.apply(PolicyChanges(since: 0, version: 5, clinics: clinics, users: [grants]), at: Self.now)
        return snapshot
    }

    private func member(
        _ roles: [RoleGrant],
        patient: PatientID? = nil,
        doctor: DoctorID? = nil
    ) -> PolicySnapshot {
        snapshot {
            $0.memberships = [
                MembershipGrant(clinicId: clinic, roles: roles, patientId: patient, doctorId: doctor)
            ]
        }
    }

    private func outcome(
        _ snapshot: PolicySnapshot,
        _ permission: StaticString,
        in clinic: ClinicID?,
        at now: Instant = Self.now
    ) -> Decision.Outcome {
        snapshot.decide(user: user, signIn: signIn, clinic: clinic, permission: Permission(permission), at: now).outcome
    }

    @Test func emergencyAccessCountsUntilItsLastMoment() {
        let grant = EmergencyGrant(id: BreakGlassID(), patientId: patient, expiresAt: Self.now + .seconds(60))
        var membership = MembershipGrant(clinicId: clinic, roles: [RoleGrant(role: .nurse)], emergencies: [grant])
        let policy = snapshot { $0.memberships = [membership] }
        #expect(policy.emergencies(of: user, in: clinic, at: Self.now) == [grant])
        #expect(policy.emergencies(of: user, in: clinic, at: grant.expiresAt - .milliseconds(1)) == [grant])
        #expect(policy.emergencies(of: user, in: clinic, at: grant.expiresAt) == [])
        #expect(policy.emergencies(of: user, in: ClinicID(), at: Self.now) == [])
        #expect(policy.emergencies(of: UserID(), in: clinic, at: Self.now) == [])
        membership.emergencies = nil
        #expect(snapshot { $0.memberships = [membership] }.emergencies(of: user, in: clinic, at: Self.now) == [])
        let inactive = snapshot {
            $0.active = false
            $0.memberships = [MembershipGrant(clinicId: clinic, roles: [], emergencies: [grant])]
        }
        #expect(inactive.emergencies(of: user, in: clinic, at: Self.now) == [])
    }

    @Test func inAnEmergencyOnlyReadingIsOpened() {
        let opened = Roles.rules.filter(\.inEmergency).map(\.permission)
        #expect(!opened.isEmpty)
        #expect(opened.allSatisfy { $0.action.hasPrefix("read") })
        for permission in opened { #expect(Roles.opensInEmergency(permission)) }
        #expect(!Roles.opensInEmergency(Permission("patients:update")))
    }

    @Test func rolesReachAsFarAsTheyShould() {
        let place = LocationID()
        let cases: [(Role, [LocationID]?, StaticString, Decision.Outcome)] = [
            (.clinicAdmin, nil, "appointments:read", .allowed(.clinic)),
            (.receptionist, nil, "appointments:read", .allowed(.clinic)),
            (.receptionist, [place], "appointments:read", .allowed(.locations([place]))),
            (.clinicAdmin, [place], "appointments:read", .allowed(.clinic)),
            (.doctor, nil, "appointments:read", .allowed(.treated(doctor))),
            (.patient, nil, "appointments:read", .allowed(.own(patient))),
            (.inventoryManager, nil, "appointments:read", .forbidden),
            (.receptionist, nil, "users:create", .forbidden),
        ]
        for (role, locations, permission, expected) in cases {
            let policy = member([RoleGrant(role: role, locationIds: locations)], patient: patient, doctor: doctor)
            #expect(outcome(policy, permission, in: clinic) == expected, "\(role) \(permission)")
        }
    }

    @Test func rolesWithoutTheirRecordReachNothing() {
        #expect(outcome(member([RoleGrant(role: .patient)]), "appointments:read", in: clinic) == .forbidden)
        #expect(outcome(member([RoleGrant(role: .doctor)]), "appointments:read", in: clinic) == .forbidden)
    }

    @Test func severalRolesGiveTheWidest() {
        let (one, two) = (LocationID(), LocationID())
        let both = member([
            RoleGrant(role: .receptionist, locationIds: [one]), RoleGrant(role: .nurse, locationIds: [two]),
        ])
        #expect(outcome(both, "appointments:read", in: clinic) == .allowed(.locations([one, two].sorted())))
        let mixed = member(
            [RoleGrant(role: .patient), RoleGrant(role: .receptionist, locationIds: [one])],
            patient: patient
        )
        #expect(outcome(mixed, "appointments:read", in: clinic) == .allowed(.locations([one])))
    }

    @Test func strangersFindNothing() {
        let policy = member([RoleGrant(role: .clinicAdmin)])
        #expect(outcome(policy, "appointments:read", in: other) == .notMember)
        #expect(outcome(policy, "appointments:read", in: ClinicID()) == .notMember)
        #expect(outcome(policy, "audit:read", in: .installation) == .notMember)
        #expect(outcome(PolicySnapshot(), "appointments:read", in: clinic) == .inactive)
    }

    @Test func clinicCannotGrantASystemRole() {
        let policy = member([RoleGrant(role: .superAdmin), RoleGrant(role: .systemAuditor)])
        #expect(outcome(policy, "audit:read", in: clinic) == .forbidden)
        #expect(outcome(policy, "clinics:create", in: nil) == .forbidden)
    }

    @Test func auditorsOfNamedClinicsSeeThoseUntilTheyExpire() {
        let policy = snapshot {
            $0.systemRoles = [
                SystemGrant(role: .systemAuditor, clinicIds: [clinic], expiresAt: Self.now + .seconds(60))
            ]
        }
        #expect(outcome(policy, "audit:read", in: clinic) == .allowed(.clinic))
        #expect(outcome(policy, "appointments:read", in: clinic) == .forbidden)
        #expect(outcome(policy, "audit:read", in: other) == .notMember)
        #expect(outcome(policy, "audit:read", in: .installation) == .notMember)
        #expect(outcome(policy, "audit:read", in: clinic, at: Self.now + .seconds(60)) == .notMember)
    }

    @Test func operationsOfNoClinicShowWhatOneMaySee() {
        let member = member([RoleGrant(role: .clinicAdmin)])
        #expect(outcome(member, "clinics:read", in: nil) == .allowed(.account))
        #expect(outcome(member, "clinics:create", in: nil) == .forbidden)
        let root = snapshot { $0.systemRoles = [SystemGrant(role: .superAdmin)] }
        #expect(outcome(root, "clinics:read", in: nil) == .allowed(.clinic))
        #expect(outcome(root, "clinics:create", in: nil) == .allowed(.clinic))
        #expect(outcome(root, "audit:read", in: .installation) == .allowed(.clinic))
    }

    @Test func suspensionLeavesSystemRolesOnly() {
        var policy = member([RoleGrant(role: .clinicAdmin)])
        let suspended = ClinicPolicy(id: clinic, slug: "c", status: .suspended, name: "C", timeZone: "UTC")
        policy.apply(PolicyChanges(since: 5, version: 6, clinics: [suspended]), at: Self.now)
        let decision = policy.decide(
            user: user,
            signIn: nil,
            clinic: clinic,
            permission: Permission("appointments:read"),
            at: Self.now
        )
        #expect(decision.outcome == .forbidden)
        #expect(decision.isClinicSuspended)
        #expect(outcome(policy, "clinics:read", in: nil) == .forbidden)
        var root = snapshot { $0.systemRoles = [SystemGrant(role: .superAdmin)] }
        root.apply(PolicyChanges(since: 5, version: 6, clinics: [suspended]), at: Self.now)
        #expect(outcome(root, "clinics:read", in: clinic) == .allowed(.clinic))
    }

    @Test func revocationAndDeactivationComeFirst() {
        var policy = member([RoleGrant(role: .clinicAdmin)])
        let ended = RevokedSignIn(id: signIn, until: Self.now + .seconds(900))
        policy.apply(PolicyChanges(since: 5, version: 6, revocations: [ended]), at: Self.now)
        #expect(outcome(policy, "appointments:read", in: clinic) == .revoked)
        #expect(policy.refusal(.user(user, signIn: signIn), at: Self.now) == .revoked)
        #expect(policy.refusal(.user(user, signIn: SignInID()), at: Self.now) == nil)
        // Once no token of it can be valid any more it is forgotten.
        policy.apply(PolicyChanges(since: 6, version: 7), at: Self.now + .seconds(900))
        #expect(outcome(policy, "appointments:read", in: clinic) == .allowed(.clinic))
        policy.apply(
            PolicyChanges(since: 7, version: 8, users: [UserGrants(id: user, active: false)]),
            at: Self.now
        )
        #expect(outcome(policy, "appointments:read", in: clinic) == .inactive)
    }

    @Test func pagesAddUpAndTheVersionMovesWithTheLast() {
        let stranger = UserID()
        var policy = member([RoleGrant(role: .clinicAdmin)])
        let first = PolicyChanges(since: 0, version: 9, full: true, users: [UserGrants(id: stranger)], next: "a")
        policy.apply(first, at: Self.now)
        #expect(policy.version == 5)
        #expect(policy.user(user) == nil, "a full load drops what was held")
        policy.apply(PolicyChanges(since: 0, version: 9, full: true), isFirst: false, at: Self.now)
        #expect(policy.version == 9)
        #expect(policy.user(stranger) != nil)
        // An older answer that comes late does not take the version back.
        policy.apply(PolicyChanges(since: 3, version: 4), at: Self.now)
        #expect(policy.version == 9)
    }

    @Test func permissionThatNobodyHoldsIsForbidden() {
        let root = snapshot { $0.systemRoles = [SystemGrant(role: .superAdmin)] }
        #expect(outcome(root, "unheard:of", in: clinic) == .forbidden)
        #expect(PermissionCatalog.bit(of: Permission("unheard:of")) == nil)
    }
}
