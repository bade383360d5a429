import Core
import Postgres
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct ValueTests {
    private func roundTrip<Value: Column & Equatable>(_ value: Value, as type: Query) async throws -> Value {
        let query: Query = "select \(value)::" + type
        return try await Playground.open().database.one(for: Playground.tenant(), query) { rows in
            try #require(rows.first)[0]
        }
    }

    @Test func everyTypeComesBackAsItWent() async throws {
        let clinic = ClinicID()
        let instant = Instant(microseconds: 1_793_999_999_123_456)
        let date = try #require(CalendarDate("0007-02-28"))
        #expect(try await roundTrip(true, as: "bool"))
        #expect(try await roundTrip(Int.min, as: "int8") == Int.min)
        #expect(try await roundTrip(Int64.max, as: "int8") == Int64.max)
        #expect(try await roundTrip(-7, as: "int4") == -7)
        #expect(try await roundTrip(-7, as: "int2") == -7)
        #expect(try await roundTrip(Int32.min, as: "int4") == Int32.min)
        #expect(try await roundTrip(-0.125, as: "float8") == -0.125)
        #expect(try await roundTrip("ಕನ್ನಡ 👩‍⚕️ '\"\\", as: "text") == "ಕನ್ನಡ 👩‍⚕️ '\"\\")
        #expect(try await roundTrip("", as: "text") == "")
        #expect(try await roundTrip("busy", as: "mood") == "busy")
        #expect(try await roundTrip([UInt8](0...255), as: "bytea") == [UInt8](0...255))
        #expect(try await roundTrip([UInt8](), as: "bytea") == [])
        #expect(try await roundTrip(instant, as: "timestamptz") == instant)
        #expect(try await roundTrip(Instant(seconds: -1), as: "timestamptz") == Instant(seconds: -1))
        #expect(try await roundTrip(date, as: "date") == date)
        #expect(try await roundTrip(clinic, as: "uuid") == clinic)
        #expect(try await roundTrip(["a", "", "{\"x\",NULL}"], as: "text[]") == ["a", "", "{\"x\",NULL}"])
        #expect(try await roundTrip([String](), as: "text[]") == [])
        #expect(try await roundTrip([clinic, ClinicID.installation], as: "uuid[]") == [clinic, .installation])
        #expect(try await roundTrip([-1, 0, Int.max], as: "int8[]") == [-1, 0, Int.max])
        #expect(try await roundTrip(JSONColumn(Array("{\"a\": [1, null]}".utf8)), as: "jsonb").json.count == 16)
        #expect(try await roundTrip(Int?.none, as: "int8") == nil)
        #expect(try await roundTrip(ClinicID?.some(clinic), as: "uuid") == clinic)
        #expect(try await roundTrip(try #require(EmailAddress("a@b.example")), as: "text").address == "a@b.example")
    }

    @Test func readingAnotherTypeIsAnErrorThatNamesTheColumn() async throws {
        let database = try Playground.open().database
        let wrong: [Query] = ["select 'x'::text", "select null::int8", "select now()::text", "select 1.5::numeric"]
        for query in wrong {
            await #expect(throws: DatabaseError.self) {
                try await database.one(for: Playground.tenant(), query) { rows in
                    let _: Int = try #require(rows.first)[0]
                }
            }
        }
        await #expect(throws: DatabaseError(.decoding, operation: "column 1 of 1")) {
            try await database.one(for: Playground.tenant(), "select 1") { rows in
                let _: Int = try #require(rows.first)[1]
            }
        }
    }

    @Test func aReaderGivesEachColumnOnceInTheirOrder() async throws {
        let clinic = ClinicID()
        let query: Query = "select 7, null::text, 'x', \(clinic)::uuid, null::int8"
        try await Playground.open().database.one(for: Playground.tenant(), query) { rows in
            var column = try #require(rows.first).reader()
            let number: Int = try column.next()
            let missing: String? = try column.next()
            let text: String? = try column.next()
            let id: ClinicID = try column.next()
            let last: Int? = try column.next()
            #expect(number == 7)
            #expect(missing == nil)
            #expect(text == "x")
            #expect(id == clinic)
            #expect(last == nil)
        }
    }

    @Test func aReaderHasNoColumnBehindTheLast() async throws {
        let database = try Playground.open().database
        await #expect(throws: DatabaseError(.decoding, operation: "column 1 of 1")) {
            try await database.one(for: Playground.tenant(), "select 1") { rows in
                var column = try #require(rows.first).reader()
                let _: Int = try column.next()
                let _: Int = try column.next()
            }
        }
    }

    @Test func injectionIsAValue() async throws {
        let tenant = Playground.tenant()
        let attack = "x'); drop table playground.notes; --"
        let database = try Playground.open().database
        try await database.transaction(for: tenant) { tx in
            tx.execute("insert into notes (clinic_id, id, body) values (\(tenant.clinic), 1, \(attack))")
        }
        let found: String = try await database.one(for: tenant, "select body from notes where body = \(attack)") {
            rows in
            try #require(rows.first)[0]
        }
        #expect(found == attack)
    }

    @Test func textWithNULIsRefusedBeforeItIsCutOff() async throws {
        let tenant = Playground.tenant()
        let database = try Playground.open().database
        await #expect(throws: DatabaseError(.invalidText, operation: "textWithNULIsRefusedBeforeItIsCutOff()")) {
            try await database.transaction(for: tenant) { tx in
                tx.execute("insert into notes (clinic_id, id, body) values (\(tenant.clinic), 1, \("a\u{0}b"))")
            }
        }
        await #expect(throws: DatabaseError.self) {
            try await database.one(for: tenant, "select \(["a\u{0}b"])::text[]") { _ in }
        }
        let count: Int = try await database.one(for: tenant, "select count(*) from notes") { try #require($0.first)[0] }
        #expect(count == 0)
    }

    @Test func queriesAreJoinedWithTheirParameters() {
        let filters: [Query] = ["a = \(1)", "b = any(\([2, 3]))"]
        var query: Query = "select x from t where "
        query.append(Query(joined: filters, by: " and "))
        query += " limit \(10)"
        #expect(query.sql == "select x from t where a = $1 and b = any($2) limit $3")
        let nested: Query = "with q as (\(query)) select \(4)"
        #expect(nested.sql == "with q as (select x from t where a = $1 and b = any($2) limit $3) select $4")
    }
}
