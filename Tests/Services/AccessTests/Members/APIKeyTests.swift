import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import Crypto
import Postgres
import TestKit
import Testing

@testable import Access

/// Keys that machines call with.
@Suite(.serialized, .timeLimit(.minutes(5))) struct APIKeyTests {
    let desk: AccessDesk
    private let endpoints = APIKeyEndpoints()

    init() throws { desk = try AccessDesk() }

    private func make(
        _ role: String,
        in clinic: ClinicID,
        by person: AccessDesk.Person,
        locations: [LocationID]? = nil,
        expiresAt: Instant? = nil,
        key: String? = nil
    ) async throws -> BusReply {
        let draft = APIKeyDraft(
            clinicId: clinic,
            name: "Website",
            role: role,
            locationIds: locations,
            expiresAt: expiresAt
        )
        return try await desk.call(endpoints.create, draft, as: person, in: clinic, key: key)
    }

    private func made(_ role: String, in clinic: ClinicID, by person: AccessDesk.Person) async throws -> APIKey {
        let reply = try await make(role, in: clinic, by: person)
        try #require(reply.status == 201, "\(String(decoding: reply.body, as: UTF8.self))")
        return try JSONTape(reply.body).decode(APIKey.self)
    }

    /// What processes are told of a key at present.
    private func told(_ key: APIKeyID) async throws -> APIKeyGrant {
        var query = PolicyChangesQuery(since: 0)
        repeat {
            let page = try await desk.ask(PolicyEndpoints().changes, query)
            if let found = page.apiKeys?.first(where: { $0.id == key }) { return found }
            query.after = page.next
        } while query.after != nil
        throw TestKitError("the key is not told")
    }

    private func machine(_ key: APIKey, _ person: AccessDesk.Person) -> AccessDesk.Person {
        var machine = person
        machine.apiKey = key.id
        return machine
    }

    @Test func aKeyIsShownOnceAndKeptAsItsHash() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let first = try await make("RECEPTIONIST", in: clinic, by: root, key: "once")
        let key = try JSONTape(first.body).decode(APIKey.self)
        let text = try #require(key.key)
        #expect(text.hasPrefix(key.prefix + "_") && key.prefix.hasPrefix("pck_") && text.count >= 60)
        let again = try await make("RECEPTIONIST", in: clinic, by: root, key: "once")
        #expect(again.status == 201)
        #expect(try JSONTape(again.body).decode(APIKey.self).key == nil)
        let list = try await desk.ask(endpoints.list, ClinicListRequest(clinicId: clinic), as: root, in: clinic)
        #expect(list.items.map(\.id) == [key.id])
        #expect(list.items.first?.key == nil)
        let path = APIKeyPath(clinicId: clinic, keyId: key.id)
        #expect(try await desk.ask(endpoints.read, path, as: root, in: clinic) == list.items.first)
        let elsewhere = try await desk.clinic(by: root)
        let foreign = APIKeyPath(clinicId: elsewhere, keyId: key.id)
        #expect(try await desk.call(endpoints.read, foreign, as: root, in: elsewhere).status == 404)
        let grant = try await told(key.id)
        #expect(grant.secrets.map(\.hash) == [Array(SHA256.hash(data: Array(text.utf8))).hex])
        #expect(grant.role == RoleGrant(role: .receptionist))
        let secret = String(text.dropFirst(key.prefix.count + 1))
        let rows = try await desk.test.inspect("select k::text from api_keys as k where id = \(key.id)") { rows in
            try rows.map { row -> String in try row[0] }
        }
        #expect(rows.count == 1 && rows.allSatisfy { !$0.contains(secret) })
    }

    @Test func aKeyDoesWhatItsRoleMayUntilItIsRevoked() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let other = try await desk.clinic(by: root)
        let key = try await made("LOCATION_HEAD", in: clinic, by: root)
        let machine = machine(key, root)
        let locations = LocationEndpoints().list
        func status(in clinic: ClinicID) async throws -> Int {
            try await desk.call(locations, ClinicListRequest(clinicId: clinic), as: machine, in: clinic).status
        }
        #expect(try await status(in: clinic) == 200)
        #expect(try await status(in: other) == 404)
        let draft = LocationDraft(clinicId: clinic, name: "New")
        #expect(try await desk.call(LocationEndpoints().create, draft, as: machine, in: clinic).status == 403)
        // Nothing of the installation, and nothing of a person's.
        #expect(try await desk.call(SystemUserEndpoints().list, DirectoryRequest(), as: machine).status == 403)
        #expect(try await desk.call(AuthenticationEndpoints().me, EmptyInput(), as: machine).status == 401)
        let path = APIKeyPath(clinicId: clinic, keyId: key.id)
        #expect(try await desk.call(endpoints.revoke, path, as: root, in: clinic).status == 204)
        #expect(try await status(in: clinic) == 401)
        #expect(try await told(key.id).active == false)
        #expect(try await desk.call(endpoints.revoke, path, as: root, in: clinic).status == 404)
    }

    @Test func nobodyMakesAKeyThatOpensMoreThanTheyHold() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let held = ["api_keys:create", "api_keys:read", "users:read"].map {
            RolePermission(permission: $0, scope: .clinic)
        }
        let draft = RoleDraft(clinicId: clinic, name: "Machinist", permissions: held)
        let role = try await desk.ask(RoleEndpoints().create, draft, as: root, in: clinic)
        let person = try await desk.member(["NURSE"], of: clinic, by: root)
        let roles = [AssignedRole(role: role.id.description)]
        _ = try await desk.ask(
            MemberEndpoints().assignRoles,
            RoleAssignment(clinicId: clinic, userId: person.id, roles: roles),
            as: root,
            in: clinic
        )
        #expect(try await make("CLINIC_ADMIN", in: clinic, by: person).code == "grant_exceeds_own")
        let own = try await made(role.id.description, in: clinic, by: person)
        #expect(own.createdBy == person.id)
        // Nor do they get at a stronger key's new secret, nor a key at another key.
        let strong = try await made("CLINIC_ADMIN", in: clinic, by: root)
        let rotation = APIKeyRotation(clinicId: clinic, keyId: strong.id, overlapSeconds: 0)
        #expect(try await desk.call(endpoints.rotate, rotation, as: person, in: clinic).code == "grant_exceeds_own")
        #expect(try await make("NURSE", in: clinic, by: machine(strong, root)).status == 403)
        // The role stays while a key has it.
        let path = RolePath(clinicId: clinic, roleId: role.id)
        let nurse = RoleAssignment(clinicId: clinic, userId: person.id, roles: [AssignedRole(role: "NURSE")])
        _ = try await desk.ask(MemberEndpoints().assignRoles, nurse, as: root, in: clinic)
        #expect(try await desk.call(RoleEndpoints().delete, path, as: root, in: clinic).code == "role_in_use")
    }

    @Test func badDraftsAreNamed() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let cases: [(role: String, locations: [LocationID]?, expiresAt: Instant?)] = [
            ("WIZARD", nil, nil), ("SUPER_ADMIN", nil, nil), (RoleID().description, nil, nil),
            ("NURSE", [LocationID()], nil), ("NURSE", nil, .now() - .seconds(1)),
            ("NURSE", nil, .now() + .seconds(400 * 24 * 3_600)),
        ]
        for (role, locations, expiresAt) in cases {
            let reply = try await make(role, in: clinic, by: root, locations: locations, expiresAt: expiresAt)
            #expect(reply.status == 422, "\(role)")
            #expect(!String(decoding: reply.body, as: UTF8.self).contains("/roles/0"))
        }
    }

    @Test func aNewSecretTakesTheOldOnesPlaceInTime() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let key = try await made("NURSE", in: clinic, by: root)
        let before = try await told(key.id).secrets
        func rotate(overlap: Int) async throws -> APIKey {
            let rotation = APIKeyRotation(clinicId: clinic, keyId: key.id, overlapSeconds: overlap)
            return try await desk.ask(endpoints.rotate, rotation, as: root, in: clinic)
        }
        let renewed = try await rotate(overlap: 60)
        #expect(renewed.prefix == key.prefix && renewed.key != nil && renewed.key != key.key)
        #expect(renewed.expiresAt >= key.expiresAt)
        let both = try await told(key.id).secrets
        #expect(both.count == 2)
        #expect(both[1].hash == before[0].hash)
        let left = try #require(both[1].until) - .now()
        #expect(left > .seconds(30) && left <= .seconds(60))
        _ = try await rotate(overlap: 0)
        #expect(try await told(key.id).secrets.count == 1)
    }

    @Test func theLastUseIsNotedAndNeverGoesBack() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let key = try await made("NURSE", in: clinic, by: root)
        func note(_ at: Instant) async throws {
            let report = KeyUseReport(uses: [.init(key: key.id, at: at), .init(key: APIKeyID(), at: at)])
            #expect(try await desk.call(PolicyEndpoints().noteKeyUses, report).status == 204)
        }
        func lastUsed() async throws -> Instant? {
            let list = try await desk.ask(endpoints.list, ClinicListRequest(clinicId: clinic), as: root, in: clinic)
            return list.items.first { $0.id == key.id }?.lastUsedAt
        }
        #expect(try await lastUsed() == nil)
        let moment = Instant(seconds: 1_800_000_000)
        try await note(moment)
        try await note(moment - .seconds(60))
        #expect(try await lastUsed() == moment)
    }

    @Test func aClinicsKeysAreItsOwnAndSoMany() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let other = try await desk.clinic(by: root)
        for _ in 0..<APIKey.mostKeys { _ = try await made("NURSE", in: clinic, by: root) }
        #expect(try await make("NURSE", in: clinic, by: root).code == "too_many_api_keys")
        let all = try await desk.ask(
            endpoints.list,
            ClinicListRequest(clinicId: clinic, limit: 60),
            as: root,
            in: clinic
        )
        #expect(all.items.count == 60 && all.nextCursor != nil)
        let path = APIKeyPath(clinicId: other, keyId: try #require(all.items.first).id)
        #expect(try await desk.call(endpoints.revoke, path, as: root, in: other).status == 404)
        let theirs = try await desk.ask(endpoints.list, ClinicListRequest(clinicId: other), as: root, in: other)
        #expect(theirs.items.isEmpty)
    }
}
