import Core
import Jobs
import Postgres
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct SchedulerTests {
    private static func schedule(_ fixture: JobFixture, catchUp: Bool = false, cron: String = "0 * * * *") throws
        -> Schedule
    {
        try Schedule(
            "hourly",
            NoteJob.self,
            payload: Label(label: "tick"),
            cron: cron,
            timeZone: try #require(TimeZoneName("Europe/Berlin")),
            catchUp: catchUp,
            clinic: fixture.clinic
        )
    }

    private static func due(_ fixture: JobFixture) async throws -> String {
        try await fixture.store.inspect("select next_due from schedules") { (try $0[0][0] as Instant).rfc3339 }
    }

    private static let start = Instant(rfc3339: "2026-10-25T00:10:00Z") ?? .now()

    @Test func replicasHandAnOccurrenceOutOnceAndSetTheNext() async throws {
        let fixture = try JobFixture("schedules_once")
        let schedule = try Self.schedule(fixture)
        let schedulers = (0..<3).map { _ in
            Scheduler(database: fixture.database, schedules: [schedule], logger: fixture.log)
        }
        for scheduler in schedulers { try await scheduler.declare(at: Self.start) }
        #expect(try await schedulers[0].handOut(at: Self.start) == 0)
        let handed = try await withThrowingTaskGroup(of: Int.self) { group in
            for scheduler in schedulers {
                group.addTask { try await scheduler.handOut(at: Self.start + .seconds(3_000)) }
            }
            return try await group.reduce(0, +)
        }
        #expect(handed == 1)
        #expect(try await fixture.jobsLeft() == 1)
        #expect(try await Self.due(fixture) == "2026-10-25T02:00:00Z")
    }

    @Test func aRunDoesNotOverlapItself() async throws {
        let fixture = try JobFixture("schedules_overlap")
        let scheduler = Scheduler(
            database: fixture.database,
            schedules: [try Self.schedule(fixture)],
            logger: fixture.log
        )
        try await scheduler.declare(at: Self.start)
        #expect(try await scheduler.handOut(at: Self.start + .seconds(3_600)) == 1)
        #expect(try await scheduler.handOut(at: Self.start + .seconds(7_200)) == 0)
        try await fixture.running([fixture.workers([NoteJob()])]) {
            try await eventually { try await fixture.effects("tick") == 1 }
        }
        #expect(try await scheduler.handOut(at: Self.start + .seconds(7_200)) == 1)
    }

    /// Five hours of absence: one run, or five.
    @Test(arguments: [(false, 1), (true, 5)]) func missedOccurrences(_ catchUp: Bool, _ expected: Int) async throws {
        let fixture = try JobFixture(catchUp ? "schedules_catchup" : "schedules_missed")
        let scheduler = Scheduler(
            database: fixture.database,
            schedules: [try Self.schedule(fixture, catchUp: catchUp)],
            logger: fixture.log
        )
        try await scheduler.declare(at: Self.start)
        let back = Self.start + .seconds(5 * 3_600)
        try await fixture.running([fixture.workers([NoteJob()])]) {
            for round in 1...expected {
                try await eventually { try await scheduler.handOut(at: back) == 1 }
                try await eventually { try await fixture.effects("tick") == round }
            }
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
        #expect(try await scheduler.handOut(at: back) == 0)
        #expect(try await fixture.effects("tick") == expected)
    }

    @Test func aChangedTimeTableBeginsAnewAndAnUnchangedOneKeepsItsPlace() async throws {
        let fixture = try JobFixture("schedules_change")
        let first = Scheduler(database: fixture.database, schedules: [try Self.schedule(fixture)], logger: fixture.log)
        try await first.declare(at: Self.start)
        try await first.declare(at: Self.start + .seconds(86_400))
        #expect(try await Self.due(fixture) == "2026-10-25T01:00:00Z")
        let changed = try Self.schedule(fixture, cron: "30 2 * * *")
        let second = Scheduler(database: fixture.database, schedules: [changed], logger: fixture.log)
        try await second.declare(at: Self.start)
        #expect(try await Self.due(fixture) == "2026-10-25T00:30:00Z")
    }
}
