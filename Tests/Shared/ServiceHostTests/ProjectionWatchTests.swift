import Authorization
import Core
import Logging
import Postgres
import Redis
import Synchronization
import TestKit
import Testing

@testable import Bus
@testable import Outbox
@testable import ServiceHost

/// Who is new or was restored asks the owners to tell everything again, once; who goes on asks nothing.
@Suite(.timeLimit(.minutes(2))) struct ProjectionWatchTests {
    @Test(arguments: [
        (DatabaseLife(isNew: true, beat: 1, isWrittenHere: true, server: "a/1"), nil, DatabaseLife.Verdict.new),
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: true, server: "a/1"), nil, .goesOn),
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: true, server: "a/1"), "a/1 7", .goesOn),
        // Redis was restored itself.
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: true, server: "a/1"), "a/1 3", .goesOn),
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: true, server: "a/1"), "a/1 8", .restored),
        // Beats of another server cannot be compared.
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: true, server: "a/1"), "b/1 8", .goesOn),
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: true, server: "a/1"), "nonsense", .goesOn),
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: false, server: "a/1"), nil, .restored),
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: true, server: "b/1"), nil, .restored),
        (DatabaseLife(isNew: false, beat: 7, isWrittenHere: true, server: "a/2"), nil, .restored),
    ])
    func whatTellsARestoredDatabase(life: DatabaseLife, copy: String?, verdict: DatabaseLife.Verdict) {
        #expect(life.verdict(on: "a/1", copy: copy.flatMap { DatabaseLife.Copy($0) }) == verdict)
    }

    @Test func whoIsNewAsksOnceAndWhoGoesOnAsksNothing() async throws {
        try await WatchPlace.with("watch_new") { place in
            for _ in 0..<3 { try await place.watch().look() }
            let asks = place.asked.asks
            #expect(asks.count == 1)
            #expect(asks.first?.service == .billing && asks.first?.topics == [.access, .appointments])
            // Redis forgets everything: that says nothing of the database.
            try await place.forget()
            try await place.watch().look()
            #expect(place.asked.asks.count == 1)
        }
    }

    @Test func replicasThatLookAtOnceAskOneQuestion() async throws {
        try await WatchPlace.with("watch_replicas") { place in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { try await place.watch().look() } }
                try await group.waitForAll()
            }
            #expect(Set(place.asked.asks.map(\.id)).count == 1)
            try await place.watch().look()
            #expect(Set(place.asked.asks.map(\.id)).count == 1)
        }
    }

    @Test func whatCameOutOfADumpIsNoticedWithoutRedis() async throws {
        try await WatchPlace.with("watch_dump") { place in
            try await place.watch().look()
            // As a dump holds it and a restore writes it: every row as it was, by another transaction.
            try place.change(
                """
                create temporary table kept as select * from SCHEMA.database_life;
                delete from SCHEMA.database_life;
                insert into SCHEMA.database_life select * from kept
                """
            )
            try await place.forget()
            for _ in 0..<2 { try await place.watch().look() }
            #expect(place.asked.asks.map(\.topics) == [[.access, .appointments], [.access, .appointments]])
            #expect(Set(place.asked.asks.map(\.id)).count == 2)
        }
    }

    @Test func aDatabaseBehindWhatRedisHeardOfItIsNoticed() async throws {
        try await WatchPlace.with("watch_behind") { place in
            for _ in 0..<3 { try await place.watch().look() }
            // The whole volume is set back: the row is its own, and older.
            try place.change("update SCHEMA.database_life set beat = beat - 2, written_by = pg_current_xact_id()")
            for _ in 0..<2 { try await place.watch().look() }
            #expect(place.asked.asks.count == 2)
        }
    }

    @Test func anotherServerOrTimelineIsNoticed() async throws {
        try await WatchPlace.with("watch_server") { place in
            try await place.watch().look()
            try place.change("update SCHEMA.database_life set server = 'x/1', written_by = pg_current_xact_id()")
            for _ in 0..<2 { try await place.watch().look() }
            #expect(place.asked.asks.count == 2)
        }
    }

    @Test func aNewKindAsksItsOwnerAloneOnceEveryReplicaTakesItIn() async throws {
        try await WatchPlace.with("watch_kinds") { place in
            try await place.watch().look()
            var kinds = WatchPlace.kinds
            kinds[.appointments]?.insert("patient.changed")
            let old = ProcessReport(process: "billing", instance: "old", keyIDs: [], follows: ["clinic.changed"])
            let other = ProcessReport(process: "access", instance: "other", keyIDs: [])
            try await place.watch(kinds, peers: [old, other]).look()
            #expect(place.asked.asks.count == 1, "the old replica would pass over what is told")
            let new = ProcessReport(
                process: "billing",
                instance: "new",
                keyIDs: [],
                follows: kinds.values.flatMap { $0 }
            )
            for _ in 0..<2 { try await place.watch(kinds, peers: [new, other]).look() }
            #expect(place.asked.asks.map(\.topics) == [[.access, .appointments], [.appointments]])
        }
    }

    /// Restored while an old replica still runs: that is no reason to wait.
    @Test func aQuestionThatIsRefusedIsAskedAgainAndGrows() async throws {
        try await WatchPlace.with("watch_refused") { place in
            try await place.watch().look()
            var kinds = WatchPlace.kinds
            kinds[.access]?.insert("location.changed")
            place.asked.refuses = true
            for _ in 0..<2 {
                await #expect(throws: Problem.self) { try await place.watch(kinds).look() }
            }
            #expect(place.asked.asks.count == 3 && Set(place.asked.asks.map(\.id)).count == 2)
            try place.change("update SCHEMA.database_life set server = 'x/1', written_by = pg_current_xact_id()")
            place.asked.refuses = false
            for _ in 0..<2 { try await place.watch(kinds).look() }
            #expect(place.asked.asks.last?.topics == [.access, .appointments])
            #expect(place.asked.asks.count == 4 && Set(place.asked.asks.map(\.id)).count == 3)
        }
    }
}

/// What was asked, and whether it is heard.
private final class Asked: Sendable {
    private let state = Mutex<(asks: [ResendAsk], refuses: Bool)>(([], false))

    var asks: [ResendAsk] { state.withLock { $0.asks } }
    var refuses: Bool {
        get { state.withLock { $0.refuses } }
        set { state.withLock { $0.refuses = newValue } }
    }

    func ask(_ ask: ResendAsk) throws {
        let refuses = state.withLock { state in
            state.asks.append(ask)
            return state.refuses
        }
        if refuses { throw Problem.unavailable("Access") }
    }
}

/// A schema of its own, and Redis.
private struct WatchPlace: Sendable {
    static let kinds: [ServiceName: Set<String>] = [.access: ["clinic.changed"], .appointments: ["service.changed"]]

    let store: TestDatabase
    let redis: RedisClient
    let keyspace = Keyspace(prefix: TestKeyspace.prefix())
    let asked = Asked()
    private let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    static func with(_ schema: String, _ body: (WatchPlace) async throws -> Void) async throws {
        let store = try TestDatabase.open(
            schema,
            migrations: [
                MigrationSet(schema: schema, module: "outbox", files: OutboxMigrations.files),
                MigrationSet(schema: schema, module: "host", files: HostMigrations.files),
            ]
        )
        let endpoint = try #require(RedisEndpoint(url: try TestServers.shared().redisURL))
        let redis = RedisClient(endpoint, name: "test", logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            defer {
                group.cancelAll()
                redis.close()
            }
            try await redis.waitUntilUp()
            try await body(WatchPlace(store: store, redis: redis))
        }
    }

    private init(store: TestDatabase, redis: RedisClient) {
        self.store = store
        self.redis = redis
    }

    func watch(_ kinds: [ServiceName: Set<String>] = Self.kinds, peers: [ProcessReport] = []) -> ProjectionWatch {
        let asked = asked
        return ProjectionWatch(
            .billing,
            kinds: kinds,
            database: store.database,
            beats: RedisBeats(redis: redis, keyspace: keyspace),
            peers: { peers },
            ask: { try asked.ask($0) },
            log: log
        )
    }

    func forget() async throws { _ = try await redis.send(["DEL", .text(keyspace.beat(store.schema))]) }

    /// Statements as a restore would make them.
    func change(_ script: String) throws {
        try store.asOwner(
            """
            alter table \(store.schema).database_life no force row level security;
            \(script.replacing("SCHEMA", with: store.schema));
            alter table \(store.schema).database_life force row level security
            """
        )
    }
}
