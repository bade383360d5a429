import Contracts
import Core
import Jobs
import Logging
import Postgres

/// What waits in one service's schema.
struct QueueReport: Sendable {
    struct Lane: Sendable {
        let name: String
        let jobs: Int
        let due: Int
        let running: Int
        let oldestDue: Instant?
    }

    let service: ServiceName
    let lanes: [Lane]
    /// Events that no stream has yet.
    let unsent: Int
    let deadLetters: Int

    static func read(_ service: ServiceName, _ installation: Installation) async throws -> QueueReport {
        try await ServiceDatabase.with(service, installation) { database in
            try await database.through(.relay, operation: "queues") { tx in
                let lanes = try tx.rows(
                    """
                    select lane, count(*), count(*) filter (where due_at <= now()), count(*) filter (where lease is not null),
                        min(due_at) filter (where due_at <= now())
                    from jobs group by lane order by lane
                    """
                ).map { row in
                    let lane: Int = try row[0]
                    return Lane(
                        name: JobLane(rawValue: lane).map { "\($0)" } ?? String(lane),
                        jobs: try row[1],
                        due: try row[2],
                        running: try row[3],
                        oldestDue: try row[4]
                    )
                }
                let unsent = try tx.rows(
                    """
                    select count(*) from outbox o join outbox_lanes l on l.part = o.part and l.priority = o.priority
                    where o.position > l.read_to
                    """
                )
                let dead = try tx.rows("select count(*) from dead_letters")
                return QueueReport(
                    service: service,
                    lanes: lanes,
                    unsent: try unsent.first?[0] ?? 0,
                    deadLetters: try dead.first?[0] ?? 0
                )
            }
        }
    }

    var json: JSONValue {
        [
            "service": .string(service.rawValue), "unsentEvents": .integer(Int64(unsent)),
            "deadLetters": .integer(Int64(deadLetters)),
            "lanes": .array(
                lanes.map {
                    [
                        "lane": .string($0.name), "jobs": .integer(Int64($0.jobs)), "due": .integer(Int64($0.due)),
                        "running": .integer(Int64($0.running)),
                        "oldestDue": $0.oldestDue.map { .string($0.rfc3339) } ?? .null,
                    ]
                }
            ),
        ]
    }

    var rows: [[String]] {
        let ends = [String(unsent), String(deadLetters)]
        if lanes.isEmpty { return [[service.rawValue, "-", "0", "0", "0", "-"] + ends] }
        return lanes.map { lane in
            [
                service.rawValue, lane.name, String(lane.jobs), String(lane.due), String(lane.running),
                lane.oldestDue?.rfc3339 ?? "-",
            ] + ends
        }
    }
}

/// A service's database for the time of one command.
enum ServiceDatabase {
    static func with<R: Sendable>(
        _ service: ServiceName,
        _ installation: Installation,
        _ body: @Sendable (Database) async throws -> R
    ) async throws -> R {
        let url = try installation.databaseURL(service)
        let database = Database(
            DatabaseConfiguration(url: url, schema: service.rawValue),
            logger: Logger(label: "operator") { _ in SwiftLogNoOpLogHandler() }
        )
        defer { database.close() }
        return try await body(database)
    }
}
