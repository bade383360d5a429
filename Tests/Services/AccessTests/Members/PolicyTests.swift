import AccessAPI
import Authorization
import Contracts
import Core
import Logging
import Postgres
import Redis
import ServiceHost
import Synchronization
import TestKit
import Testing

@testable import Access
@testable import Bus

/// What access tells the processes that decide, and how soon a change is in it.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PolicyTests {
    let desk: AccessDesk

    init() throws { desk = try AccessDesk() }

    private func changes(since version: Int64) async throws -> PolicyChanges {
        var query = PolicyChangesQuery(since: version)
        var whole: PolicyChanges?
        repeat {
            let page = try await desk.ask(PolicyEndpoints().changes, query)
            if whole == nil {
                whole = page
            } else {
                whole?.users += page.users
                whole?.clinics += page.clinics
                whole?.roles?.append(contentsOf: page.roles ?? [])
                whole?.revocations += page.revocations
                whole?.version = page.version
            }
            query.after = page.next
        } while query.after != nil
        return try #require(whole)
    }

    @Test func onlyWhatChangedIsTold() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root, name: "Told")
        let nurse = try await desk.member(["NURSE"], of: clinic, by: root)
        let before = try await changes(since: 0)
        #expect(before.full)
        #expect(before.clinics.first { $0.id == clinic }?.name == "Told")
        #expect(before.keys.count == 2)
        let held = try #require(before.users.first { $0.id == nurse.id })
        #expect(held.active)
        #expect(held.memberships == [MembershipGrant(clinicId: clinic, roles: [RoleGrant(role: .nurse)])])
        let assignment = RoleAssignment(clinicId: clinic, userId: nurse.id, roles: [AssignedRole(role: "DOCTOR")])
        _ = try await desk.ask(MemberEndpoints().assignRoles, assignment, as: root, in: clinic)
        let after = try await changes(since: before.version)
        #expect(!after.full)
        #expect(after.version > before.version)
        #expect(after.users.first { $0.id == nurse.id }?.memberships.first?.roles == [RoleGrant(role: .doctor)])
        #expect(!after.clinics.contains { $0.id == clinic })
        #expect(!(try await changes(since: after.version)).users.contains { $0.id == nurse.id })
    }

    @Test func rolesOfClinicsAreToldUntilTheirEnd() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let reads = [RolePermission(permission: "users:read", scope: .clinic)]
        let draft = RoleDraft(clinicId: clinic, name: "Told", permissions: reads)
        let role = try await desk.ask(RoleEndpoints().create, draft, as: root, in: clinic)
        let before = try await changes(since: 0)
        let told = try #require(before.roles?.first { $0.id == role.id })
        #expect(told.clinicId == clinic)
        #expect(told.permissions.map(\.permission.name) == ["users:read"])
        let path = RolePath(clinicId: clinic, roleId: role.id)
        #expect(try await desk.call(RoleEndpoints().delete, path, as: root, in: clinic).status == 204)
        let after = try await changes(since: before.version)
        #expect(after.roles?.first { $0.id == role.id }?.permissions == [])
    }

    /// What access would tell.
    private final class Published: Sendable {
        let keys: Mutex<[VerificationKey]>

        init(_ keys: [VerificationKey]) { self.keys = Mutex(keys) }
    }

    /// A key is published before it signs: whoever verifies learns of it though nothing else has changed.
    @Test func otherKeysAreFetchedThoughNoGrantHasChanged() async throws {
        let (key, next) = (VerificationKey(kid: "one", x: "", y: ""), VerificationKey(kid: "two", x: "", y: ""))
        let published = Published([key])
        let follower = PolicyFollower(
            redis: RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: Logger(label: "test")),
            keyspace: Keyspace(),
            keys: EdgeKeys(edges: [:], currentID: "none"),
            logger: Logger(label: "test")
        ) { query in PolicyChanges(since: query.since, version: 7, full: false, keys: published.keys.withLock { $0 }) }
        func hear(_ keyIDs: [String]?) async throws {
            let news = PolicyNews(at: .now(), keyIDs: keyIDs)
            let payload = try JSONWriter.encode(news)
            await follower.hear(BroadcastListener.News(writer: "access", version: 7, payload: payload))
        }
        try await hear(["one"])
        #expect(follower.snapshot.keys == [key])
        published.keys.withLock { $0 = [key, next] }
        try await hear(nil)
        try await hear(["one"])
        #expect(follower.snapshot.keys == [key])
        try await hear(["one", "two"])
        #expect(follower.snapshot.keys == [key, next])
    }

    @Test func aReaderAheadOfTheDatabaseBeginsAnew() async throws {
        #expect(try await changes(since: .max).full)
    }

    @Test func endedSignInsAreTold() async throws {
        let root = try await desk.newSuperAdmin()
        let before = try await changes(since: 0).version
        _ = try await desk.call(AuthenticationEndpoints().logout, LogoutRequest(refreshToken: root.refreshToken))
        let revoked = try #require(try await changes(since: before).revocations.first { $0.id == root.signIn })
        let left = revoked.until - .now()
        #expect(left > .seconds(800) && left <= .seconds(900))
    }

    @Test func aSuspendedClinicLetsOnlySystemRolesIn() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let admin = try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root)
        let path = ClinicPath(clinicId: clinic)
        #expect(try await desk.ask(ClinicEndpoints().suspend, path, as: root, in: clinic).status == .suspended)
        #expect(try await desk.call(ClinicEndpoints().read, path, as: admin, in: clinic).status >= 403)
        #expect(try await desk.call(ClinicEndpoints().read, path, as: root, in: clinic).status == 200)
        let told = try await desk.entries(of: .installation, action: "clinics:suspend")
        #expect(told.contains { $0.resource.id == clinic.description })
        #expect(try await desk.ask(ClinicEndpoints().activate, path, as: root, in: clinic).status == .active)
        #expect(try await desk.call(ClinicEndpoints().read, path, as: admin, in: clinic).status == 200)
    }

    @Test func anAuditorOfOneClinicSeesNoOther() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let other = try await desk.clinic(by: root)
        let email = try AccessDesk.address("auditor")
        let made = try await desk.ask(SystemUserEndpoints().create, SystemUserDraft(email: email, name: "A"), as: root)
        let auditor = try await desk.accept(try #require(made.invitation?.token), email)
        let assignment = SystemRoleAssignment(userId: auditor.id, role: .systemAuditor, clinicIds: [clinic])
        let named = try await desk.ask(SystemUserEndpoints().setSystemRoles, assignment, as: root)
        #expect(named.systemRoles == [SystemRole(role: "SYSTEM_AUDITOR", clinicIds: [clinic])])
        let entries = AuditEndpoints().entries
        #expect(try await desk.call(entries, AuditQuery(), as: auditor, in: clinic).status == 200)
        #expect(try await desk.call(entries, AuditQuery(), as: auditor, in: other).status == 404)
        #expect(try await desk.call(entries, AuditQuery(), as: auditor, in: .installation).status == 404)
        let clinics = try await desk.ask(ClinicEndpoints().list, DirectoryRequest(), as: auditor)
        #expect(clinics.items.map(\.id) == [clinic])
        // Told where it counts, and nowhere else.
        func told(in clinic: ClinicID) async throws -> Bool {
            try await desk.entries(of: clinic, action: "users:system").contains {
                $0.resource.id == auditor.id.description
            }
        }
        #expect(try await told(in: clinic))
        #expect(try await !told(in: other))
        _ = try await desk.ask(
            SystemUserEndpoints().setSystemRoles,
            SystemRoleAssignment(userId: auditor.id, role: nil),
            as: root
        )
        #expect(try await desk.call(entries, AuditQuery(), as: auditor, in: clinic).status == 404)
    }

    @Test func deniedRequestsAreRecordedOnce() async throws {
        let clinic = ClinicID()
        let record = desk.record(in: clinic, action: "doctors:create")
        for _ in 0..<2 {
            let reply = try await desk.call(PolicyEndpoints().recordDenials, DenialReport(entries: [record]))
            #expect(reply.status == 204)
        }
        try await desk.sequence(clinic)
        #expect(try await desk.entries(of: clinic, action: "doctors:create").count == 1)
    }

    @Test func aRecordInTheCalendarBecomesItsOwners() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let person = try await desk.member(["PATIENT"], of: clinic, by: root)
        let patient = PatientID()
        func event(_ owner: UserID?, version: Int64) throws -> EventEnvelope {
            try PatientFixture.changed(patient, owner: owner, clinic: clinic, version: version)
        }
        func take(_ event: EventEnvelope) async throws {
            try await EventIntake(service: .access, database: desk.database)
                .take([event], for: AppointmentsEvents.consumer)
        }
        try await take(try event(person.id, version: 2))
        // An older version comes late and changes nothing.
        try await take(try event(nil, version: 1))
        let me = try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: person)
        #expect(me.memberships.first?.patientId == patient)
        let told = try await changes(since: 0).users.first { $0.id == person.id }
        #expect(told?.memberships.first?.patientId == patient)
        try await take(try event(nil, version: 3))
        let later = try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: person)
        #expect(later.memberships.first?.patientId == nil)
    }
}
