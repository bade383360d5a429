import AccessAPI
import Contracts
import Core
import FoundationEssentials
import Jobs
import LocalServers
import Logging
import Outbox
import Postgres
import ProviderConfig
import Redis
import TestKit
import Testing
import Vault

@testable import Bus
@testable import Operator

/// Keys are rotated by the program itself: added, promoted when everybody has them, retired when nobody uses them.
@Suite(.timeLimit(.minutes(2))) struct KeysCommandTests {
    @Test func keysAreListedByTheirIdsAlone() async throws {
        try await KeyPlace.with { place in
            let file = try place.file()
            let listed = try await place.run("list", "--json")
            #expect(listed.exit == .code(0))
            let items = try JSONTape(Array(listed.output.utf8)).decode(JSONValue.self)["items"]?.elements ?? []
            let ids = KeyFile.Ring.allCases.flatMap { file.ids(of: $0) }
            #expect(items.compactMap { $0["id"]?.string } == ids)
            for ring in KeyFile.Ring.allCases {
                let current = items.filter { $0["ring"]?.string == ring.rawValue && $0["current"] == .bool(true) }
                #expect(current.compactMap { $0["id"]?.string } == [file.currentID(of: ring)])
            }
            let table = try await place.run("list").output
            for key in file.keyEncryptionKeys + file.busKeys {
                #expect(!(listed.output + table).contains(Data(key.key.bytes).base64EncodedString()))
            }
        }
    }

    @Test(arguments: KeyFile.Ring.allCases) func aKeyIsPromotedWhenEveryProcessHasIt(ring: KeyFile.Ring) async throws {
        try await KeyPlace.with { place in
            let former = try #require(try place.file().currentID(of: ring))
            try await place.report("access", "access-1")
            try await place.report("access", "access-2")
            #expect(try await place.run("rotate", ring.rawValue).exit == .code(0))
            let next = try #require(try place.file().ids(of: ring).last)
            // One has been started anew with the new file, the other has not.
            try await place.report("access", "access-1")
            let early = try await place.run("promote", ring.rawValue, next)
            #expect(early.exit == .code(1) && early.output.contains("access-2") && !early.output.contains("access-1"))
            #expect(try place.file().currentID(of: ring) == former)
            try await place.report("access", "access-2")
            #expect(try await place.run("promote", ring.rawValue, next).exit == .code(0))
            #expect(try place.file().currentID(of: ring) == next)
            #expect(try place.view("access").usedIDs.contains(next))
            #expect(try await place.run("promote", ring.rawValue, "bus-none").exit == .code(1))
        }
    }

    @Test func theGatewayNeedsTheKeysOfTheBusAlone() async throws {
        try await KeyPlace.with { place in
            try await place.report("gateway", "gateway-1")
            for ring in KeyFile.Ring.allCases {
                _ = try await place.run("rotate", ring.rawValue)
                let next = try #require(try place.file().ids(of: ring).last)
                let exit = try await place.run("promote", ring.rawValue, next).exit
                #expect(exit == .code(ring == .bus ? 1 : 0), "\(ring)")
            }
        }
    }

    @Test func aKeyThatAProcessStillUsesIsNotRetired() async throws {
        try await KeyPlace.with(databases: true) { place in
            let former = try #require(try place.file().currentID(of: .bus))
            #expect(try await place.run("retire", "bus", former).exit == .code(1), "it is the current one")
            _ = try await place.run("rotate", "bus")
            let next = try #require(try place.file().ids(of: .bus).last)
            try await place.report("billing", "billing-1")
            _ = try await place.run("promote", "bus", next)
            // It has the new file only once it is started anew.
            let early = try await place.run("retire", "bus", former)
            #expect(early.exit == .code(1) && early.output.contains("billing-1"))
            try await place.report("billing", "billing-1")
            #expect(try await place.run("retire", "bus", former).exit == .code(0))
            #expect(try place.file().ids(of: .bus) == [next])
            #expect(try place.view("billing").heldIDs.contains(former) == false)
        }
    }

    @Test func aKeyWhoseTokensMayBeInUseIsNotRetired() async throws {
        try await KeyPlace.with { place in
            let ids = try place.file().ids(of: .token)
            let (former, next) = (try #require(ids.first), try #require(ids.last))
            #expect(ids.count == 2, "the next key is published from the beginning")
            #expect(try await place.run("promote", "jwt", next).exit == .code(0))
            let early = try await place.run("retire", "jwt", former)
            #expect(early.exit == .code(1) && early.output.contains("good until"))
            #expect(try place.view("access").jwtSigningKeys.map(\.id) == ids, "it goes on being published")
            var file = try place.file()
            file.jwtSigningKeys[0].supersededAt = Instant.now() - .seconds(15 * 60)
            try KeyStore("\(place.folder)/keys.json").write(file)
            #expect(try await place.run("retire", "jwt", former).exit == .code(0))
            #expect(try place.file().ids(of: .token) == [next])
            // One that never became current has signed nothing.
            #expect(try await place.run("rotate", "jwt").exit == .code(0))
            let unused = try #require(try place.file().ids(of: .token).last)
            #expect(try await place.run("retire", "jwt", unused).exit == .code(0))
        }
    }

    @Test func aKeyThatAnEventWaitsUnderIsNotRetired() async throws {
        try await KeyPlace.with(databases: true) { place in
            let former = try #require(try place.file().currentID(of: .bus))
            let groups = EventGroups.all[.billing, default: []]
            let publisher = try place.publisher(.billing)
            _ = try await publisher.ensureGroups(.billing)
            _ = try await publisher.publish([place.event()], to: .billing)
            _ = try await place.run("rotate", "bus")
            let next = try #require(try place.file().ids(of: .bus).last)
            #expect(try await place.run("promote", "bus", next).exit == .code(0))
            let unread = try await place.run("retire", "bus", former)
            #expect(unread.exit == .code(1) && unread.output.contains("wait"))
            let stream = Keyspace(prefix: place.prefix).events(.billing)
            for group in groups {
                _ = try await place.redis.send([
                    "XREADGROUP", "GROUP", .text(group), "test", "STREAMS", .text(stream), ">",
                ])
            }
            #expect(try await place.run("retire", "bus", former).exit == .code(1), "it is read, not taken in")
            let entries = try await place.redis.send(["XRANGE", .text(stream), "-", "+"]).entries()
            for (group, entry) in groups.flatMap({ group in entries.map { (group, $0) } }) {
                _ = try await place.redis.send(["XACK", .text(stream), .text(group), .text(entry.id.description)])
            }
            #expect(try await place.run("retire", "bus", former).exit == .code(0))
        }
    }

    @Test func aKeyThatARequestWaitsUnderIsNotRetired() async throws {
        try await KeyPlace.with(databases: true) { place in
            let former = try #require(try place.file().currentID(of: .bus))
            let stream = Keyspace(prefix: place.prefix).requests(.access)
            let id = try await place.redis.send(
                RedisCommand(["XADD", .text(stream), "*"] + (try place.request(to: .access, stream).fields))
            )
            _ = try await place.run("rotate", "bus")
            let next = try #require(try place.file().ids(of: .bus).last)
            #expect(try await place.run("promote", "bus", next).exit == .code(0))
            let early = try await place.run("retire", "bus", former)
            #expect(early.exit == .code(1) && early.output.contains("wait"))
            _ = try await place.redis.send(["XDEL", .text(stream), .text(try #require(id.string))])
            #expect(try await place.run("retire", "bus", former).exit == .code(0))
        }
    }

    /// What is sealed inside an event outlives the seal around it: the row waits in PostgreSQL, whatever Redis holds.
    @Test func aKeyThatANoticeIsSealedUnderIsNotRetired() async throws {
        try await KeyPlace.with(databases: true) { place in
            let former = try #require(try place.file().currentID(of: .bus))
            let access = try #require(place.databases[.access])
            let communication = try #require(place.databases[.communication])
            let waiting = try place.notice(expiresAt: .now() + .seconds(3_600))
            try await place.append([waiting, place.notice(expiresAt: .now() - .seconds(1))], to: access)
            _ = try await place.run("rotate", "bus")
            let next = try #require(try place.file().ids(of: .bus).last)
            #expect(try await place.run("promote", "bus", next).exit == .code(0))
            let unpublished = try await place.run("retire", "bus", former)
            #expect(unpublished.exit == .code(1) && unpublished.output.contains("1 notices under \(former)"))
            // Published, and acknowledged by everyone: now it lies with communication's dead letters.
            try access.asOwner(Self.confirmation)
            try await PoisonedEvents.store(
                waiting,
                handler: "communication",
                deliveries: 5,
                reason: "Broken",
                in: communication.database
            )
            #expect(try await place.run("retire", "bus", former).output.contains("1 notices under \(former)"))
            let id: JobID = waiting.id.retagged()
            #expect(try await DeadLetters.replay(id, of: waiting.clinicId, through: communication.database))
            #expect(try await place.run("retire", "bus", former).output.contains("1 notices under \(former)"))
            try communication.asOwner(
                "alter table communication.jobs no force row level security; delete from communication.jobs; "
                    + "alter table communication.jobs force row level security"
            )
            #expect(try await place.run("retire", "bus", former).exit == .code(0))
        }
    }

    /// Notes that everything in access' outbox was acknowledged by everyone.
    private static let confirmation = """
        alter table access.outbox no force row level security;
        alter table access.outbox_batches no force row level security;
        insert into access.outbox_batches (slot, part, priority, epoch, positions, entry_milliseconds, entry_sequences,
            last_milliseconds, last_sequence, confirmed)
        select slot, part, priority, gen_random_uuid(), array[position], array[1], array[1], 1, 1, true
        from access.outbox where name = 'notice.requested';
        alter table access.outbox force row level security;
        alter table access.outbox_batches force row level security;
        """

    @Test func aKeyThatDataKeysAreUnderIsNotRetired() async throws {
        try await KeyPlace.with(databases: true) { place in
            let former = try #require(try place.file().currentID(of: .keyEncryption))
            let database = try #require(place.databases[.billing])
            let store = DataKeyStore(try DataKeys(place.file(), service: .billing), database: database.database)
            _ = try await store.key(for: ClinicID())
            _ = try await place.run("rotate", "key-encryption")
            let next = try #require(try place.file().ids(of: .keyEncryption).last)
            #expect(try await place.run("promote", "key-encryption", next).exit == .code(0))
            let early = try await place.run("retire", "key-encryption", former)
            #expect(early.exit == .code(1) && early.output.contains("rewrap"))
            #expect(try await place.run("rewrap").exit == .code(0))
            #expect(try await store.usage()[former] == nil)
            #expect(try await place.run("retire", "key-encryption", former).exit == .code(0))
            #expect(try place.file().ids(of: .keyEncryption) == [next])
        }
    }
}

/// A folder with a key file, and processes that report what they were started with.
private struct KeyPlace: Sendable {
    let folder: String
    let prefix: String
    let redis: RedisClient
    let databases: [ServiceName: TestDatabase]

    private static let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    static func with(databases: Bool = false, _ body: (KeyPlace) async throws -> Void) async throws {
        let url = try TestServers.shared().redisURL
        let redis = RedisClient(try #require(RedisEndpoint(url: url)), name: "test", logger: log)
        let folder = FileManager.default.temporaryDirectory.path() + "keys-\(RequestID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var opened: [ServiceName: TestDatabase] = [:]
        for service in databases ? ServiceName.allCases : [] {
            let sets = SchemaCatalog.all.filter { $0.schema.name == service.rawValue }
            opened[service] = try TestDatabase.open(service.rawValue, migrations: sets)
        }
        let place = KeyPlace(folder: folder, prefix: TestKeyspace.prefix(), redis: redis, databases: opened)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            defer {
                group.cancelAll()
                redis.close()
            }
            try await redis.waitUntilUp()
            #expect(try await place.run("init").exit == .code(0))
            try await body(place)
        }
    }

    func file() throws -> KeyFile { try KeyStore("\(folder)/keys.json").read() }
    func view(_ process: String) throws -> KeyFile { try KeyStore("\(folder)/\(process).json").read() }

    /// Reports a process as if it had just been started with its present file.
    func report(_ process: String, _ instance: String) async throws {
        let view = try view(process)
        let report = ProcessReport(
            process: process,
            instance: instance,
            keyIDs: process == "gateway" ? Array((view.edges ?? [:]).keys) : view.heldIDs,
            currentKeyIDs: view.usedIDs
        )
        let keyspace = Keyspace(prefix: prefix)
        try await ProcessRegistry(redis: redis, keyspace: keyspace, report: report, logger: Self.log).reportOnce()
        // It stays alive however slow the test is.
        _ = try await redis.send(["PERSIST", .text(keyspace.process(instance))])
    }

    func publisher(_ service: ServiceName) throws -> EventPublisher {
        let view = try view(service.rawValue)
        let edges = (view.edges ?? [:]).mapValues { $0.mapValues(\.bytes) }
        return EventPublisher(
            redis: redis,
            keyspace: Keyspace(prefix: prefix),
            keys: EdgeKeys(edges: edges, currentID: try #require(view.currentEdgeKey)),
            logger: Self.log
        )
    }

    /// What the gateway has sealed for a service.
    func request(to service: ServiceName, _ stream: String) throws -> SealedEntry {
        let view = try view("gateway")
        let keys = EdgeKeys(
            edges: (view.edges ?? [:]).mapValues { $0.mapValues(\.bytes) },
            currentID: try #require(view.currentEdgeKey)
        )
        let header = EntryHeader(kind: .request, writer: "gateway", keyID: keys.currentID, id: RequestID())
        return try SealedEntry(
            [1],
            header: header,
            edge: .requests(from: "gateway", to: service),
            stream: stream,
            keys: keys
        )
    }

    /// A notice that access has sealed under its present key.
    func notice(expiresAt: Instant) throws -> EventEnvelope {
        let (id, clinic) = (NoticeID(), ClinicID())
        let view = try view("access")
        let keys = EdgeKeys(
            edges: (view.edges ?? [:]).mapValues { $0.mapValues(\.bytes) },
            currentID: try #require(view.currentEdgeKey)
        )
        let place = NoticeRequested.place(of: id, .welcome, in: clinic)
        let notice = NoticeRequested(
            id: id,
            userId: nil,
            template: .welcome,
            locale: nil,
            expiresAt: expiresAt,
            sealed: RawBody(try EdgeSeal(.notices, keys: keys).seal([1], for: place))
        )
        return try EventEnvelope(
            notice,
            clinicId: clinic,
            actor: "system:test",
            at: .now(),
            aggregateId: "notice:\(id)",
            aggregateVersion: 1
        )
    }

    /// Commits events as access does.
    func append(_ events: [EventEnvelope], to access: TestDatabase) async throws {
        for event in events {
            try await access.database.transaction(for: Tenant(event.clinicId, actor: "test")) { tx in
                try Outbox.append(
                    event.decode(NoticeRequested.self),
                    aggregate: event.aggregateId,
                    version: 1,
                    actor: event.actor,
                    in: tx
                )
            }
        }
    }

    func event() -> EventEnvelope {
        EventEnvelope(
            id: EventID(),
            name: "thing.changed",
            version: 1,
            category: .billing,
            priority: .normal,
            clinicId: ClinicID(),
            actor: "system:test",
            at: .now(),
            aggregateId: "1",
            aggregateVersion: 1,
            notify: true,
            payload: Array("{}".utf8)
        )
    }

    /// Runs `polyclinic keys …` and gives what it printed.
    func run(_ arguments: String...) async throws -> (exit: ChildProcess.Exit, output: String) {
        try Files.makeFolder(folder)
        let output = "\(folder)/\(RequestID()).log"
        var environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "POLYCLINIC_HOME": "\(folder)/home",
            "POLYCLINIC_KEYS_FILE": "\(folder)/keys.json", "POLYCLINIC_KEY_PREFIX": prefix,
            "REDIS_URL": try TestServers.shared().redisURL,
            "LD_LIBRARY_PATH": ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "",
        ]
        for (service, database) in databases {
            environment["DATABASE_URL_\(service.rawValue.uppercased())"] = database.serviceURL.unredacted
        }
        let command = ChildProcess.Command(
            "\(Self.binaries)/polyclinic",
            ["keys"] + arguments,
            environment: environment,
            output: output
        )
        let exit = try await ChildProcess(command).ended()
        return (exit, Files.read(output) ?? "")
    }

    /// The executables beside the tests' own build.
    private static var binaries: String {
        ProcessInfo.processInfo.environment["POLYCLINIC_BINARIES"]
            ?? "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/.build/debug"
    }
}
