import Core
import Postgres
import Resilience
import Synchronization
import TestKit
import Testing

@testable import Jobs

/// While the database is away little is said and little is tried.
@Suite(.timeLimit(.minutes(1))) struct JobOutageTests {
    @Test func failingTurnsAreSaidOnceAndSoIsTheirEnd() async throws {
        let fixture = try JobFixture("jobs_outage")
        let recorder = LogRecorder()
        let workers = JobWorkers(database: fixture.database, handlers: [NoteJob()], logger: recorder.logger)
        for _ in 0..<2 {
            try fixture.store.asOwner("alter table jobs_outage.job_lanes rename to job_lanes_away")
            for _ in 0..<3 {
                #expect(await workers.lookAround() == nil)
                for lane in JobLane.allCases { #expect(await workers.takeTurn(lane).failed) }
            }
            try fixture.store.asOwner("alter table jobs_outage.job_lanes_away rename to job_lanes")
            try await eventually("there is something to be seen again") { await workers.lookAround() != nil }
            for lane in JobLane.allCases {
                try await eventually("turns of \(lane.name) work again") { await !workers.takeTurn(lane).failed }
            }
        }
        let once = ["a turn of jobs failed", "jobs are done again"]
        #expect(recorder.messages == once + once)
    }

    /// Where it can be seen that there is work and none can be taken, it has not begun again.
    @Test func aLookAloneEndsNoOutage() async throws {
        let fixture = try JobFixture("jobs_outage_look")
        let recorder = LogRecorder()
        let workers = JobWorkers(database: fixture.database, handlers: [NoteJob()], logger: recorder.logger)
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "code"), lane: .critical, in: tx)
        }
        try fixture.store.asOwner("alter table jobs_outage_look.jobs rename to jobs_away")
        for _ in 0..<3 {
            #expect(await workers.lookAround()?.awake == [.critical])
            #expect(await workers.takeTurn(.critical).failed)
        }
        #expect(recorder.messages == ["a turn of jobs failed"])
        try fixture.store.asOwner("alter table jobs_outage_look.jobs_away rename to jobs")
        #expect(await !workers.takeTurn(.critical).failed)
        #expect(recorder.messages == ["a turn of jobs failed", "jobs are done again"])
    }

    /// Whoever has not heard of its claim knows which one it was.
    @Test func anUnansweredClaimIsRemembered() async throws {
        let fixture = try JobFixture("jobs_unanswered")
        let workers = fixture.workers([NoteJob()])
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "n"), in: tx)
        }
        #expect(await workers.lookAround()?.awake == [.normal])
        // The claim has its commit behind it, and its connection is lost before either is done.
        try fixture.store.asOwner(
            """
            create function jobs_unanswered.linger() returns trigger language plpgsql
                as 'begin perform pg_sleep(60); return null; end';
            create trigger linger after update on jobs_unanswered.jobs
                for each statement execute function jobs_unanswered.linger()
            """
        )
        let admin = Secret(try TestServers.shared().adminURL)
        async let turn = workers.takeTurn(.normal)
        try await eventually("the claim is not answered") {
            try Migrator.execute(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where wait_event = 'PgSleep' and query like '%taken as materialized%'
                """,
                url: admin
            )
            return workers.state.withLock { !$0.unanswered.isEmpty }
        }
        let hasFailed = await turn.failed
        #expect(hasFailed)
        let place = JobPlace(clinic: fixture.clinic, lane: .normal)
        #expect(workers.state.withLock { $0.unanswered.map(\.place) } == [place])
        try fixture.store.asOwner("drop trigger linger on jobs_unanswered.jobs")
        try await eventually("nothing is left to be handed back") {
            _ = await workers.lookAround()
            return workers.state.withLock { $0.unanswered.isEmpty }
        }
    }

    /// It was made all the same: its jobs do not wait until their leases end, and have not used up an attempt.
    @Test func whatWasClaimedUnansweredIsHandedBack() async throws {
        let fixture = try JobFixture("jobs_handed_back")
        struct Held: JobHandler {
            static let name = "test.held"
            static let lease: Duration = .seconds(3_600)
            func run(_ payload: NoPayload, _ job: JobContext) async throws {}
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            try Jobs.enqueue(Held.self, payloads: [NoPayload(), NoPayload()], in: tx)
        }
        let other = fixture.workers([Held()]) { $0.turn = 1 }
        _ = await other.lookAround()
        let lost = await other.takeTurn(.normal)
        let kept = await other.takeTurn(.normal)
        // There is no more, and the clinic sleeps until a lease ends.
        #expect(await other.takeTurn(.normal).foundWork)
        #expect(await other.lookAround()?.awake == [])
        let workers = fixture.workers([Held()])
        let lease = try #require(lost.jobs.first?.1.token)
        let claim = UnansweredClaim(place: JobPlace(clinic: fixture.clinic, lane: .normal), lease: lease)
        workers.state.withLock { $0.unanswered = [claim] }
        #expect(await workers.lookAround()?.awake == [.normal])
        #expect(workers.state.withLock { $0.unanswered.isEmpty })
        let turn = await workers.takeTurn(.normal)
        #expect(turn.jobs.map { $0.0.id } == lost.jobs.map { $0.0.id })
        #expect(turn.jobs.map { $0.0.attempt } == [1] && kept.jobs.count == 1)
    }

    @Test func pausesGrowToTheirBound() {
        let policy = JobWorkersPolicy()
        #expect(policy.failurePause.bound(afterFailures: 1) < policy.failurePause.bound(afterFailures: 2))
        #expect(policy.failurePause.bound(afterFailures: 1_000) == policy.failurePause.cap)
        #expect(policy.failurePause.delay(afterFailures: 1_000_000) != nil)
    }

    @Test func workGoesOnAfterAnOutage() async throws {
        let fixture = try JobFixture("jobs_outage_over")
        try fixture.store.asOwner("alter table jobs_outage_over.job_lanes rename to job_lanes_away")
        let recorder = LogRecorder()
        let workers = JobWorkers(database: fixture.database, handlers: [NoteJob()], logger: recorder.logger)
        try await fixture.running([workers]) {
            try await eventually { recorder.messages.contains("a turn of jobs failed") }
            try fixture.store.asOwner("alter table jobs_outage_over.job_lanes_away rename to job_lanes")
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "after"), in: tx)
            }
            try await eventually { try await fixture.effects("after") == 1 }
        }
        #expect(recorder.messages.filter { $0 == "a turn of jobs failed" }.count == 1)
    }
}
