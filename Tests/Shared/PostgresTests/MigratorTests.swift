import Core
import Postgres
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct MigratorTests {
    private static func set(_ schema: String, _ files: (String, String)...) -> MigrationSet {
        MigrationSet(schema: schema, files: files.map { ($0.0, Array($0.1.utf8)) })
    }

    @Test func whatIsAppliedIsNotAppliedAgain() throws {
        let place = try TestDatabase.open("migrated", migrations: [])
        let first = Self.set("migrated", ("0001_a.sql", "create table :schema.a (x int); insert into a values (1);"))
        #expect(try Migrator.check(ownerURL: place.ownerURL, sets: [first]) == ["migrated: 0001_a.sql"])
        #expect(try Migrator.run(ownerURL: place.ownerURL, sets: [first]) == ["migrated: 0001_a.sql"])
        #expect(try Migrator.run(ownerURL: place.ownerURL, sets: [first]) == [])
        let grown = Self.set(
            "migrated",
            ("0001_a.sql", "create table :schema.a (x int); insert into a values (1);"),
            ("0002_b.sql", "create table b (x int);")
        )
        #expect(try Migrator.check(ownerURL: place.ownerURL, sets: [grown]) == ["migrated: 0002_b.sql"])
        #expect(try Migrator.run(ownerURL: place.ownerURL, sets: [grown]) == ["migrated: 0002_b.sql"])
    }

    @Test func aChangedFileIsRefused() throws {
        let place = try TestDatabase.open("edited", migrations: [])
        _ = try Migrator.run(ownerURL: place.ownerURL, sets: [Self.set("edited", ("0001_a.sql", "create table a ()"))])
        let edited = Self.set("edited", ("0001_a.sql", "create table a (x int)"))
        #expect(throws: MigrationError.self) { try Migrator.run(ownerURL: place.ownerURL, sets: [edited]) }
        #expect(throws: MigrationError.self) { try Migrator.check(ownerURL: place.ownerURL, sets: [edited]) }
    }

    @Test func aFailingMigrationLeavesNothing() async throws {
        let place = try TestDatabase.open("broken", migrations: [])
        let broken = Self.set("broken", ("0001_a.sql", "create table a (); create table a ();"))
        #expect(throws: MigrationError.self) { try Migrator.run(ownerURL: place.ownerURL, sets: [broken]) }
        let exists: Bool = try await place.inspect("select to_regclass('broken.a') is not null") { rows in
            try #require(rows.first)[0]
        }
        #expect(!exists)
        #expect(try Migrator.check(ownerURL: place.ownerURL, sets: [broken]) == ["broken: 0001_a.sql"])
    }

    @Test func twoMigratorsAtOnceApplyOnce() async throws {
        let place = try TestDatabase.open("raced", migrations: [])
        let set = Self.set("raced", ("0001_a.sql", "create table a (x int)"))
        let applied = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<4 { group.addTask { try Migrator.run(ownerURL: place.ownerURL, sets: [set]) } }
            return try await group.reduce([], +)
        }
        #expect(applied == ["raced: 0001_a.sql"])
    }

    @Test(arguments: ["", "A", "1a", "a-b", "a b", "a;drop", String(repeating: "a", count: 36)])
    func namesThatAreNoIdentifiersAreRefused(name: String) { #expect(SchemaName(name) == nil) }
}
