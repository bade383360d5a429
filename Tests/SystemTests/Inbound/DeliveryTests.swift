import Bus
import Contracts
import Core
import Operator
import FoundationEssentials
import Logging
import Postgres
import Redis
import TestKit
import Testing
import Vault

extension SystemTests {
    /// Events that come again, out of order, or that nobody can digest.
    @Suite struct DeliveryTests {
        /// Every group is given everything again: what happens when a consumer dies between its commit and its word of it.
        @Test(.timeLimit(.minutes(6))) func eventsGivenOutAgainHappenOnce() async throws {
            let suite = try await RunningSuite.shared.value
            let accepted = try await Load(suite).run {
                try await suite.withRedis { redis in
                    for topic in ServiceName.allCases {
                        for group in EventGroups.all[topic] ?? [] {
                            let key = Keyspace().events(topic)
                            _ = try? await redis.send(["XGROUP", "SETID", .text(key), .text(group), "0"])
                        }
                    }
                }
            }
            try await Ledger(suite: suite).check(accepted, mayBeUnknown: false)
        }

        @Test(.timeLimit(.minutes(6))) func aDuplicateAndAnOlderVersionChangeNothing() async throws {
            let suite = try await RunningSuite.shared.value
            let accepted = try await Load(suite).run {}
            let ledger = Ledger(suite: suite)
            try await ledger.check(accepted, mayBeUnknown: false)
            let events = try await suite.storedEvents(of: .appointments, limit: 40)
            try #require(!events.isEmpty)
            try await suite.publish(events.reversed() + events, as: .appointments)
            // An older version under an id nobody has seen: only the version can tell.
            let older = events.map { event in
                var event = event
                event.id = EventID()
                return event
            }
            try await suite.publish(older.reversed(), as: .appointments)
            try await ledger.check(accepted, mayBeUnknown: false)
        }

        @Test(.timeLimit(.minutes(6))) func poisonIsSetAsideAndHoldsUpNobody() async throws {
            let suite = try await RunningSuite.shared.value
            let clinic = try #require(ClinicID(suite.demo.clinicId))
            let event = EventEnvelope(
                id: EventID(),
                name: "appointment.booked",
                version: 1,
                category: .appointment,
                priority: .normal,
                clinicId: clinic,
                actor: "system:test",
                at: .now(),
                aggregateId: "\(AppointmentID())",
                aggregateVersion: 1,
                notify: true,
                payload: Array("{\"nothing\":\"of use\"}".utf8)
            )
            try await suite.publish([event], as: .appointments)
            let accepted = try await Load(suite).run {}
            let ledger = Ledger(suite: suite)
            let dead = try await eventually("the poison is set aside", within: .seconds(90)) { () -> [String]? in
                let found = try await ledger.deadLetters()
                return found.contains { $0.hasPrefix("billing") } && found.contains { $0.hasPrefix("communication") }
                    ? found : nil
            }
            #expect(dead.allSatisfy { $0.contains("event") }, "\(dead)")
            try await ledger.check(accepted, mayBeUnknown: false, poisoned: event.id)
            try suite.forgetDeadLetters()
        }
    }
}

extension RunningSuite {
    /// Events as a service's outbox holds them, oldest first.
    func storedEvents(of service: ServiceName, limit: Int) async throws -> [EventEnvelope] {
        let database = Database(
            DatabaseConfiguration(url: Secret(demo.databaseURL), schema: service.rawValue),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        defer { database.close() }
        let clinic = ClinicID(demo.clinicId) ?? .installation
        return try await database.one(
            for: Tenant(.installation, actor: "test"),
            """
            select id, name, version, category, priority, actor, at, aggregate_id, aggregate_version, payload from outbox
            where part = 'events' and clinic_id = \(clinic) order by position desc limit \(limit)
            """
        ) { rows in
            try rows.reversed().compactMap { row in
                let rank: Int = try row[4]
                let priorities: [EventPriority] = [.critical, .normal, .bulk]
                guard let category = EventCategory(rawValue: try row[3]), priorities.indices.contains(rank) else {
                    return nil
                }
                return EventEnvelope(
                    id: try row[0],
                    name: try row[1],
                    version: try row[2],
                    category: category,
                    priority: priorities[rank],
                    clinicId: clinic,
                    actor: try row[5],
                    at: try row[6],
                    aggregateId: try row[7],
                    aggregateVersion: try row[8],
                    notify: true,
                    payload: try row[9]
                )
            }
        }
    }

    /// Writes to a service's topic with the service's own keys.
    func publish(_ events: [EventEnvelope], as service: ServiceName) async throws {
        let json = FileManager.default.contents(atPath: "\(home)/keys/\(service.rawValue).json") ?? Data()
        let keys = try KeyFile(json: Array(json))
        guard let edges = keys.edges, let current = keys.currentEdgeKey else { throw TestKitError("no edge keys") }
        let edgeKeys = EdgeKeys(edges: edges.mapValues { $0.mapValues(\.bytes) }, currentID: current)
        try await withRedis { redis in
            let publisher = EventPublisher(
                redis: redis,
                keyspace: Keyspace(),
                keys: edgeKeys,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            _ = try await publisher.publish(events, to: service)
        }
    }

    /// Clears away what a test set aside on purpose.
    func forgetDeadLetters() throws {
        for service in ServiceName.allCases {
            try Migrator.execute("delete from \(service.rawValue).dead_letters", url: adminURL)
        }
    }
}
