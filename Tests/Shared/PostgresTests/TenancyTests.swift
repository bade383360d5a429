import Core
import Postgres
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct TenancyTests {
    @Test func twoClinicsDoNotSeeEachOther() async throws {
        let database = try Playground.open().database
        let (one, other) = (Playground.tenant(), Playground.tenant())
        for tenant in [one, other] {
            try await database.transaction(for: tenant) { tx in
                tx.execute("insert into notes (clinic_id, id, body) values (\(tenant.clinic), 1, 'secret')")
            }
        }
        let seen: [ClinicID] = try await database.one(for: one, "select clinic_id from notes") { rows in
            try rows.map { try $0[0] }
        }
        #expect(seen == [one.clinic])
        await #expect(throws: DatabaseError.self) {
            try await database.transaction(for: one) { tx in
                tx.execute("insert into notes (clinic_id, id) values (\(other.clinic), 2)")
            }
        }
        let changed = try await database.one(
            for: one,
            "update notes set body = 'mine' where clinic_id = \(other.clinic)"
        ) { $0.affected }
        #expect(changed == 0)
    }

    @Test func settingsAreGoneAfterwards() async throws {
        let pool = try Playground.open().pool { $0.requestConnections = 1 }
        defer { pool.close() }
        let tenant = Tenant(ClinicID(), actor: "tests", scope: .own(PatientID()))
        let query: Query = """
            select coalesce(current_setting('app.clinic_id', true), ''), coalesce(current_setting('app.scope', true), ''), \
            coalesce(current_setting('app.patient_id', true), '')
            """
        let read: @Sendable (Rows) throws -> [String] = { rows in
            let row = try #require(rows.first)
            return [try row[0], try row[1], try row[2]]
        }
        for begins in [false, true] {
            let inside = try await pool.transaction(for: tenant) { tx in
                if begins { _ = try tx.rows("select 1") }
                return try read(tx.last(query))
            }
            guard case .own(let patient) = tenant.scope else { return }
            #expect(inside == [tenant.clinic.description, "own", patient.description])
        }
        // A later transaction of the whole clinic on the same connection has its own, and no patient of the earlier one.
        let clinic = Playground.tenant()
        #expect(try await pool.one(for: clinic, query, read) == [clinic.clinic.description, "clinic", ""])
    }

    @Test func aBodyCannotLeaveSettingsForTheNext() async throws {
        let pool = try Playground.open().pool { $0.requestConnections = 1 }
        defer { pool.close() }
        let (one, other) = (Playground.tenant(), Playground.tenant())
        try await pool.transaction(for: one) { tx in
            tx.execute("select set_config('app.clinic_id', \(other.clinic.description), false)")
        }
        let seen: String = try await pool.one(for: one, "select current_setting('app.clinic_id')") { rows in
            try #require(rows.first)[0]
        }
        #expect(seen == one.clinic.description)
    }

    @Test func aDoorSeesAllClinicsAndMayOnlyWhatItIsGranted() async throws {
        let database = try Playground.open().database
        let tenants = [Playground.tenant(), Playground.tenant()]
        for tenant in tenants {
            try await database.transaction(for: tenant) { tx in
                tx.execute("insert into notes (clinic_id, id) values (\(tenant.clinic), 1)")
            }
        }
        let seen: Set<ClinicID> = try await database.through(.relay) { tx in
            Set(try tx.last("select clinic_id from notes").map { try $0[0] })
        }
        #expect(seen.isSuperset(of: tenants.map(\.clinic)))
        await #expect(
            throws: DatabaseError(.insufficientPrivilege, operation: "aDoorSeesAllClinicsAndMayOnlyWhatItIsGranted()")
        ) {
            try await database.through(.relay) { tx in tx.execute("delete from notes") }
        }
        await #expect(throws: DatabaseError.self) {
            try await database.through(.lookup) { tx in _ = try tx.rows("select clinic_id from notes") }
        }
    }
}
