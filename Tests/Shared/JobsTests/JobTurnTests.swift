import Core
import Postgres
import Synchronization
import TestKit
import Testing

@testable import Jobs

/// Whom workers ask for work, and when they leave it.
@Suite(.timeLimit(.minutes(1))) struct JobTurnTests {
    private static let start = ContinuousClock.now

    private static func outlook(_ awake: Set<JobLane>, untilNext: Duration? = nil) -> JobOutlook {
        JobOutlook(awake: awake, untilNext: untilNext, at: start, heard: 7)
    }

    private typealias Look = (awake: Set<JobLane>, age: Duration, signals: Int, holds: Bool)

    @Test func howLongALookHolds() {
        let looks: [Look] = [
            ([.normal], .milliseconds(49), 7, true), ([.normal], .milliseconds(50), 7, false),
            ([.normal], .zero, 8, false), ([], .zero, 7, false),
        ]
        for look in looks {
            let holds = Self.outlook(look.awake).holds(at: Self.start + look.age, hearing: look.signals)
            #expect(holds == look.holds, "\(look)")
        }
    }

    @Test func howLongToRest() {
        let policy = JobWorkersPolicy()
        #expect(Self.outlook([.bulk], untilNext: .milliseconds(1)).rest(policy) == policy.wait)
        #expect(Self.outlook([], untilNext: .milliseconds(30)).rest(policy) == .milliseconds(30))
        #expect(Self.outlook([], untilNext: .seconds(60)).rest(policy) == policy.idle)
        #expect(Self.outlook([]).rest(policy) == policy.idle)
    }

    @Test func aLookTellsWhereThereIsWorkAndWhenThereWillBe() async throws {
        let fixture = try JobFixture("jobs_look")
        let workers = fixture.workers([NoteJob()])
        let nobody = try #require(await workers.lookAround())
        #expect(nobody.awake.isEmpty && nobody.untilNext == nil)
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "later"), dueAt: .now() + .seconds(60), in: tx)
        }
        let asleep = try #require(await workers.lookAround())
        #expect(asleep.awake.isEmpty && asleep.untilNext.map { $0 > .seconds(30) && $0 <= .seconds(60) } == true)
        try await fixture.database.transaction(for: fixture.tenant(fixture.other)) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "now"), lane: .bulk, in: tx)
        }
        #expect(try #require(await workers.lookAround()).awake == [.bulk])
    }

    /// Whoever has as much as they may have is asked for no more, where nobody else had work a moment ago.
    @Test func nobodyIsAskedWhoCouldBeGivenNothing() async throws {
        let fixture = try JobFixture("jobs_nobody")
        let workers = fixture.workers([NoteJob()]) { $0.perClinic = 4 }
        workers.state.withLock { $0.slots.start(fixture.clinic, .normal, 4) }
        #expect(await workers.takeTurn(.normal).nobodyBeside == [fixture.clinic])
        try fixture.store.asOwner("alter table jobs_nobody.job_lanes rename to job_lanes_away")
        #expect(await !workers.takeTurn(.normal, unless: [fixture.clinic]).failed)
        // Somebody else may have work.
        #expect(await workers.takeTurn(.normal).failed)
        #expect(await workers.takeTurn(.normal, unless: [fixture.other]).failed)
    }

    /// After a burst a loop knows when the next sleeper has work, and does not rest over it.
    @Test func aBurstKeepsNobodyAsleep() async throws {
        let fixture = try JobFixture("jobs_burst")
        let workers = fixture.workers([NoteJob()]) {
            $0.pollers = 1
            ($0.wait, $0.idle) = (.seconds(3_600), .seconds(3_600))
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "now"), in: tx)
        }
        try await fixture.database.transaction(for: fixture.tenant(fixture.other)) { tx in
            let soon = Instant.now() + .milliseconds(300)
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "soon"), dueAt: soon, in: tx)
        }
        try await fixture.running([workers]) { try await eventually { try await fixture.effects("soon") == 1 } }
        #expect(try await fixture.effects("now") == 1)
    }

    /// Who is woken for freed room and meets somebody who has nothing goes on to those who have.
    @Test func whoHasNothingTakesNobodysTurn() async throws {
        let fixture = try JobFixture("jobs_nothing")
        let tally = Tally()
        let isOpen = WakeSignal()
        let handler = NoteJob { _, _ in
            if tally.add("begun") == 1 { await isOpen.wait(upTo: .seconds(3_600)) }
        }
        let workers = fixture.workers([handler]) {
            ($0.perClinic, $0.pollers) = (1, 1)
            ($0.wait, $0.idle) = (.seconds(3_600), .seconds(3_600))
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            try Jobs.enqueue(NoteJob.self, payloads: Array(repeating: Label(label: "n"), count: 2), in: tx)
        }
        try await fixture.running([workers]) {
            try await eventually { tally["begun"] == 1 }
            try fixture.store.asOwner(
                """
                alter table jobs_nothing.job_lanes no force row level security;
                insert into jobs_nothing.job_lanes (clinic_id, lane, next_due, pass)
                values ('\(fixture.other)', 1, now(), 0);
                alter table jobs_nothing.job_lanes force row level security
                """
            )
            isOpen.signal()
            try await eventually { try await fixture.effects("n") == 2 }
        }
    }

    /// Whoever may be given no more leased jobs has the others done all the same: they take no places.
    @Test func transactionalJobsNeedNoRoom() async throws {
        let fixture = try JobFixture("jobs_no_room")
        let tally = Tally()
        let isOpen = WakeSignal()
        let handler = NoteJob { _, _ in
            if tally.add("begun") == 1 { await isOpen.wait(upTo: .seconds(3_600)) }
        }
        let workers = fixture.workers([handler], [NoteBatch()]) { $0.perClinic = 1 }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "leased"), in: tx)
        }
        try await fixture.running([workers]) {
            try await eventually { tally["begun"] == 1 }
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                _ = try Jobs.enqueue(NoteBatch.self, payload: Label(label: "transactional"), in: tx)
            }
            try await eventually { try await fixture.effects("transactional") == 1 }
            #expect(try await fixture.effects("leased") == 0)
            isOpen.signal()
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
    }

    /// Says, while it runs, for how many more of its lane there is room.
    private struct RoomBatch: TransactionalJobHandler {
        final class Probe: Sendable {
            let look = Mutex<(@Sendable () -> Int)?>(nil)
            let seen = Mutex<[Int]>([])
        }

        static let name = "test.room"
        let probe: Probe

        func run(_ payloads: [Label], in transaction: borrowing Transaction) {
            guard let look = probe.look.withLock({ $0 }) else { return }
            probe.seen.withLock { $0.append(look()) }
        }
    }

    @Test func transactionalJobsTakeNoRoomFromTheOthers() async throws {
        let fixture = try JobFixture("jobs_room_beside")
        let probe = RoomBatch.Probe()
        let workers = fixture.workers([NoteJob()], [RoomBatch(probe: probe)])
        let room = workers.state.withLock { $0.slots.room(.normal) }
        probe.look.withLock { $0 = { workers.state.withLock { $0.slots.room(.normal) } } }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(RoomBatch.self, payload: Label(label: "transactional"), in: tx)
        }
        _ = await workers.lookAround()
        #expect(await workers.takeTurn(.normal).foundWork)
        #expect(probe.seen.withLock { $0 } == [room] && workers.state.withLock { $0.slots.room(.normal) } == room)
    }

    @Test func whoeverHasNoRoomIsAskedForTransactionalJobsNowAndThen() async throws {
        let fixture = try JobFixture("jobs_capped")
        let workers = fixture.workers([NoteJob()], [NoteBatch()]) { $0.perClinic = 4 }
        let (place, now) = (JobPlace(clinic: fixture.clinic, lane: .normal), ContinuousClock.now)
        workers.state.withLock { $0.slots.start(fixture.clinic, .normal, 4) }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteBatch.self, payload: Label(label: "transactional"), in: tx)
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "leased"), in: tx)
        }
        _ = await workers.lookAround()
        #expect(await workers.takeTurn(.normal, unless: [fixture.clinic]).foundWork)
        #expect(try await fixture.effects("transactional") == 1)
        // There are no more, and whoever asks goes on to the others.
        let turn = await workers.takeTurn(.normal)
        #expect(turn.foundWork && turn.jobs.isEmpty && turn.nobodyBeside == nil)
        workers.searched(place, found: 0, at: now + .seconds(3_600))
        #expect(await workers.takeTurn(.normal).nobodyBeside == [fixture.clinic])
        workers.searched(place, found: 0, at: now - JobWorkers.cappedBatchPause)
        #expect(await workers.takeTurn(.normal).foundWork)
        // The leased one waits for room: nobody has put its clinic to sleep.
        #expect(try #require(await workers.lookAround()).awake == [.normal])
    }

    @Test func transactionalJobsAreLookedForNowAndThen() throws {
        let fixture = try JobFixture("jobs_now_and_then")
        let workers = fixture.workers([NoteJob()], [NoteBatch()])
        let place = JobPlace(clinic: fixture.clinic, lane: .normal)
        let (now, pause) = (ContinuousClock.now, JobWorkers.batchPause)
        #expect(workers.isBatchWorthwhile(place, hasMore: true, at: now))
        workers.searched(place, found: 0, at: now)
        #expect(!workers.isBatchWorthwhile(place, hasMore: true, at: now))
        #expect(workers.isBatchWorthwhile(place, hasMore: true, at: now + pause))
        // Nobody is put to sleep who has not been searched.
        #expect(workers.isBatchWorthwhile(place, hasMore: false, at: now))
        workers.searched(place, found: 3, at: now)
        #expect(workers.isBatchWorthwhile(place, hasMore: true, at: now))
        let urgent = JobPlace(clinic: fixture.clinic, lane: .critical)
        workers.searched(urgent, found: 0, at: now)
        #expect(workers.isBatchWorthwhile(urgent, hasMore: true, at: now))
        #expect(!fixture.workers([NoteJob()]).isBatchWorthwhile(place, hasMore: false))
    }
}
