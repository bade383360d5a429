import Contracts
import Core
import Operator
import Logging
import Postgres
import Redis
import TestKit
import Testing

/// Looks behind the API: whether everything accepted has happened once, and nothing is left over.
struct Ledger: Sendable {
    /// By when everything must be quiet after a fault.
    static let settlesWithin: Duration = .seconds(90)

    let suite: RunningSuite

    /// - Parameter mayBeUnknown: the sender was killed or cut off, so a message may have ended as `unknown`: shown so, not
    ///   sent again.
    func check(_ accepted: Load.Accepted, mayBeUnknown: Bool, poisoned: EventID? = nil) async throws {
        try await messages(accepted, mayBeUnknown: mayBeUnknown)
        try await visits(accepted)
        try await isQuiet(poisoned: poisoned)
    }

    private func messages(_ accepted: Load.Accepted, mayBeUnknown: Bool) async throws {
        let statuses = try await eventually("every message has ended", within: Self.settlesWithin) {
            let statuses = try await rows(
                .communication,
                "select id::text, status from messages where clinic_id = \(clinic)"
            )
            let known = Dictionary(statuses) { first, _ in first }
            return accepted.messages.values.allSatisfy { !["queued", "sending", nil].contains(known[$0]) } ? known : nil
        }
        var arrivals: [String: Int] = [:]
        for item in try await suite.sandbox.expect(200, from: "GET", "/messages").items {
            arrivals[item["subject"]?.string ?? "", default: 0] += 1
        }
        for (subject, id) in accepted.messages {
            let arrived = arrivals[subject, default: 0]
            switch statuses[id] {
            case "sent", "delivered": #expect(arrived == 1, "\(id) was sent and arrived \(arrived) times")
            case "unknown" where mayBeUnknown: #expect(arrived <= 1, "\(id) is unknown and arrived \(arrived) times")
            default: Issue.record("\(id) ended as \(statuses[id] ?? "nothing")")
            }
        }
    }

    private func visits(_ accepted: Load.Accepted) async throws {
        let ids = Set(accepted.appointments.values)
        #expect(ids.count == accepted.appointments.count, "one visit was given out twice")
        let booked = try await rows(
            .appointments,
            "select id::text, status from appointments where clinic_id = \(clinic)"
        )
        #expect(ids.isSubset(of: Set(booked.map(\.0))))
        try await eventually("every visit has its invoice", within: Self.settlesWithin) {
            let invoiced = try await rows(
                .billing,
                "select appointment_id::text, id::text from invoices where clinic_id = \(clinic)"
            )
            return ids.isSubset(of: Set(invoiced.map(\.0)))
        }
        let notices = try await eventually("every visit is confirmed", within: Self.settlesWithin) {
            () -> [String: Int]? in
            var counts: [String: Int] = [:]
            let rows = try await rows(
                .communication,
                "select reference, id::text from messages where clinic_id = \(clinic) and reference is not null"
            )
            for (reference, _) in rows { counts[reference, default: 0] += 1 }
            return ids.allSatisfy { counts["appointment:\($0)"] != nil } ? counts : nil
        }
        for id in ids { #expect(notices["appointment:\(id)"] == 1, "\(id) was confirmed more than once") }
    }

    /// Nothing is pending without a due time, nothing is dead.
    func isQuiet(poisoned: EventID? = nil) async throws {
        for service in ServiceName.allCases {
            let waiting = LockedBox("")
            do {
                try await eventually("\(service.rawValue) is quiet", within: Self.settlesWithin) {
                    let counts = try await rows(
                        service,
                        """
                        select 'overdue', count(*)::text from jobs where due_at < now() - interval '3 seconds'
                        union all select 'unsent', count(*)::text from outbox o
                            join outbox_lanes l on l.part = o.part and l.priority = o.priority
                            where o.position > l.read_to
                        """
                    )
                    waiting.change { $0 = "\(counts)" }
                    return counts.allSatisfy { $0.1 == "0" }
                }
            } catch {
                Issue.record("\(service.rawValue) is not quiet: \(waiting.value)")
            }
        }
        let dead = try await deadLetters()
        #expect(poisoned != nil || dead.isEmpty, "there are dead letters: \(dead)")
        try await streamsAreRead()
    }

    private func streamsAreRead() async throws {
        try await suite.withRedis { redis in
            var waiting: [String] = []
            do {
                try await eventually("every stream is read", within: Self.settlesWithin) {
                    waiting = try await unread(redis)
                    return waiting.isEmpty
                }
            } catch {
                Issue.record("\(waiting) still wait")
            }
            let keys = try await redis.send(["KEYS", "pc:*quarantine"]).array ?? []
            #expect(keys.isEmpty, "something went to the quarantine: \(keys)")
        }
    }

    /// The groups that have not read or not acknowledged everything.
    func unread(_ redis: RedisClient) async throws -> [String] {
        var waiting: [String] = []
        for key in try await redis.send(["KEYS", "pc:*"]).array?.compactMap(\.string) ?? [] {
            guard key.hasSuffix(":requests") || key.hasSuffix(":stream") else { continue }
            guard let groups = try? await redis.send(["XINFO", "GROUPS", .text(key)]).array else { continue }
            for fields in groups.map(\.fields) {
                let pending = fields["pending"]?.integer ?? 0
                // Not by `lag`: a Redis that was started again on its file counts wrongly. What was given out last is what
                // it was before, so whatever stands behind it is unread.
                let last = fields["last-delivered-id"]?.string ?? "0-0"
                let next = try await redis.send(["XRANGE", .text(key), .text("(" + last), "+", "COUNT", "1"])
                if pending != 0 || next.array?.isEmpty == false {
                    let name = fields["name"]?.string ?? ""
                    waiting.append("\(key) \(name) pending \(pending), last given out \(last)")
                }
            }
        }
        return waiting
    }

    private var clinic: ClinicID { ClinicID(suite.demo.clinicId) ?? .installation }

    /// Service, source, handler and reason of every dead letter.
    func deadLetters() async throws -> [String] {
        var found: [String] = []
        for service in ServiceName.allCases {
            for (source, reason) in try await rows(service, "select source || ' ' || handler, reason from dead_letters")
            {
                found.append("\(service.rawValue) \(source) \(reason)")
            }
        }
        return found
    }

    /// Two columns of text, of every clinic.
    func rows(_ service: ServiceName, _ query: Query) async throws -> [(String, String)] {
        let database = Database(
            DatabaseConfiguration(url: Secret(suite.demo.databaseURL), schema: service.rawValue),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        defer { database.close() }
        return try await database.one(for: Tenant(.installation, actor: "test"), query) { rows in
            try rows.map { (try $0[0] as String, try $0[1] as String) }
        }
    }
}

extension RunningSuite {
    /// A connection of the test's own to the suite's Redis.
    func withRedis<R: Sendable>(_ body: (RedisClient) async throws -> R) async throws -> R {
        guard let endpoint = RedisEndpoint(url: redisURL) else { throw TestKitError("not a Redis URL") }
        let redis = RedisClient(endpoint, name: "test", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            defer { redis.close() }
            try await redis.waitUntilUp()
            return try await body(redis)
        }
    }
}
