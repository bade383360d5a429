import Core
import Postgres
import Resilience
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
