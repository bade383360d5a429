import Core
import Postgres
import Synchronization
import TestKit
import Testing

@testable import Jobs

@Suite(.timeLimit(.minutes(2))) struct JobWorkersTests {
    @Test func runsAJobOnceAndDeletesItWithItsEffect() async throws {
        let fixture = try JobFixture("jobs_once")
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "one"), in: tx)
        }
        try await fixture.running([fixture.workers([NoteJob()]), fixture.workers([NoteJob()])]) {
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
        #expect(try await fixture.effects("one") == 1)
    }

    @Test func sleepersAreWokenByACommitAndByTheTime() async throws {
        let fixture = try JobFixture("jobs_sleep")
        // They never look by themselves.
        let workers = fixture.workers([NoteJob()]) { $0.idle = .seconds(3_600) }
        try await fixture.running([workers]) {
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "now"), in: tx)
            }
            try await eventually { try await fixture.effects("now") == 1 }
            try await fixture.database.transaction(for: fixture.tenant(fixture.other)) { tx in
                let soon = Instant.now() + .milliseconds(300)
                _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "soon"), dueAt: soon, in: tx)
            }
            try await eventually { try await fixture.effects("soon") == 1 }
        }
    }

    @Test func anAbandonedTransactionLeavesNoJob() async throws {
        let fixture = try JobFixture("jobs_abandoned")
        await #expect(throws: TestKitError.self) {
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "no"), in: tx)
                try tx.flush()
                throw TestKitError("undone")
            }
        }
        #expect(try await fixture.jobsLeft() == 0)
    }

    @Test func oneJobPerKeyUntilItIsDone() async throws {
        let fixture = try JobFixture("jobs_keys")
        let ids = try await fixture.database.transaction(for: fixture.tenant()) { tx in
            let first = try Jobs.enqueue(NoteJob.self, payload: Label(label: "k"), unique: "k", in: tx)
            return [first, try Jobs.enqueue(NoteJob.self, payload: Label(label: "k"), unique: "k", in: tx)]
        }
        #expect(ids[0] == ids[1])
        let elsewhere = try await fixture.database.transaction(for: fixture.tenant(fixture.other)) { tx in
            try Jobs.enqueue(NoteJob.self, payload: Label(label: "k"), unique: "k", in: tx)
        }
        #expect(elsewhere != ids[0])
        try await fixture.running([fixture.workers([NoteJob()])]) {
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
        #expect(try await fixture.effects("k") == 2)
        let again = try await fixture.database.transaction(for: fixture.tenant()) { tx in
            try Jobs.enqueue(NoteJob.self, payload: Label(label: "k"), unique: "k", in: tx)
        }
        #expect(again != ids[0])
    }

    @Test func aFailingJobIsRetriedThenBuriedAndCanBeReplayed() async throws {
        let fixture = try JobFixture("jobs_dead")
        let tally = Tally()
        let isMended = Mutex(false)
        let handler = NoteJob { _, job in
            tally.add("run")
            if !isMended.withLock({ $0 }) { throw TestKitError("broken") }
        }
        let id = try await fixture.database.transaction(for: fixture.tenant()) { tx in
            try Jobs.enqueue(NoteJob.self, payload: Label(label: "late"), in: tx)
        }
        try await fixture.running([fixture.workers([handler])]) {
            try await eventually { try await DeadLetters.list(through: fixture.database).count == 1 }
            let letter = try #require(try await DeadLetters.list(through: fixture.database).first)
            #expect(letter.id == id && letter.clinic == fixture.clinic && letter.attempts == 3)
            #expect(letter.reason == "TestKitError")
            #expect(tally["run"] == 3)
            isMended.withLock { $0 = true }
            #expect(try await DeadLetters.replay(id, of: fixture.other, through: fixture.database) == false)
            #expect(try await DeadLetters.replay(id, of: fixture.clinic, through: fixture.database))
            try await eventually { try await fixture.effects("late") == 1 }
        }
        #expect(try await DeadLetters.list(through: fixture.database).isEmpty)
    }

    @Test func aPermanentFailureIsNotTriedAgain() async throws {
        let fixture = try JobFixture("jobs_permanent")
        let tally = Tally()
        let handler = NoteJob { _, _ in
            tally.add("run")
            throw JobFailure.permanent("no_such_message")
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "x"), in: tx)
        }
        try await fixture.running([fixture.workers([handler])]) {
            try await eventually { try await DeadLetters.list(through: fixture.database).count == 1 }
        }
        #expect(tally["run"] == 1)
        #expect(try await DeadLetters.list(through: fixture.database).first?.reason == "no_such_message")
    }

    /// The first worker hangs without renewing its lease; a second takes the job over, and the first may write nothing.
    @Test func anExpiredLeaseIsTakenOverAndTheFormerHolderWritesNothing() async throws {
        let fixture = try JobFixture("jobs_lease")
        let tally = Tally()
        let refusal = Mutex<JobFailure?>(nil)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let hanging = NoteJob { _, job in
            // The first process may be the one that takes its own lost job over.
            guard job.attempt == 1 else { return }
            tally.add("hanging")
            for await _ in gate { break }
            do {
                try await job.finish { tx in try JobFixture.note("twice", in: tx) }
            } catch let failure as JobFailure {
                refusal.withLock { $0 = failure }
                throw failure
            }
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "taken"), in: tx)
        }
        try await fixture.running([fixture.workers([hanging]) { $0.renewal = .seconds(3_600) }]) {
            try await eventually { tally["hanging"] == 1 }
            try await fixture.running([fixture.workers([NoteJob { _, job in #expect(job.attempt > 1) }])]) {
                try await eventually { try await fixture.effects("taken") == 1 }
            }
            open.yield()
            try await eventually { refusal.withLock { $0 } == .leaseLost }
        }
        #expect(try await fixture.effects("twice") == 0)
        #expect(try await fixture.jobsLeft() == 0)
    }

    @Test func aLeaseIsRenewedWhileItsJobRuns() async throws {
        let fixture = try JobFixture("jobs_renew")
        struct Slow: JobHandler {
            static let name = "test.slow"
            static let lease: Duration = .seconds(20)
            let gate: AsyncStream<Void>
            func run(_ payload: NoPayload, _ job: JobContext) async throws {
                for await _ in gate { break }
                #expect(job.lease.isHeld)
            }
        }
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(Slow.self, payload: NoPayload(), in: tx)
        }
        let due: Query = "select due_at, attempt from jobs"
        try await fixture.running([fixture.workers([Slow(gate: gate)]) { $0.renewal = .milliseconds(100) }]) {
            let first: Instant = try await eventually {
                try await fixture.store.inspect(due) { try $0[0][1] == 1 ? try $0[0][0] as Instant : nil }
            }
            try await eventually {
                try await fixture.store.inspect(due) { try $0[0][0] as Instant > first + .seconds(5) }
            }
            open.yield()
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
    }

    @Test func aLeaseCanBeHeldForALongCall() async throws {
        let fixture = try JobFixture("jobs_hold")
        struct Long: JobHandler {
            static let name = "test.long"
            static let lease: Duration = .seconds(20)
            let gate: AsyncStream<Void>
            func run(_ payload: NoPayload, _ job: JobContext) async throws {
                try await job.hold(for: .seconds(200))
                #expect(job.lease.remaining > .seconds(150))
                for await _ in gate { break }
                #expect(job.lease.remaining > .seconds(100))
                // What is enough already is left as it is.
                try await job.hold(for: .seconds(10))
            }
        }
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(Long.self, payload: NoPayload(), in: tx)
        }
        let held: Query = "select due_at > now() + interval '100 seconds' from jobs"
        try await fixture.running([fixture.workers([Long(gate: gate)]) { $0.renewal = .milliseconds(20) }]) {
            try await eventually { try await fixture.store.inspect(held) { try $0[0][0] as Bool } }
            open.yield()
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
    }

    @Test func aJobCanMakeItselfDueAgain() async throws {
        let fixture = try JobFixture("jobs_again")
        let tally = Tally()
        struct Again: JobHandler {
            static let name = "test.again"
            let tally: Tally
            func run(_ payload: NoPayload, _ job: JobContext) async throws {
                guard tally.add("run") < 3 else { return }
                try await job.again(at: .now()) { tx in try JobFixture.note("again", in: tx) }
            }
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(Again.self, payload: NoPayload(), in: tx)
        }
        try await fixture.running([fixture.workers([Again(tally: tally)])]) {
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
        #expect(tally["run"] == 3)
        #expect(try await fixture.effects("again") == 2)
    }

    @Test func aDelayedJobWaits() async throws {
        let fixture = try JobFixture("jobs_delay")
        let tally = Tally()
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "hour"), dueAt: .now() + .seconds(3_600), in: tx)
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "second"), dueAt: .now() + .seconds(1), in: tx)
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "now"), in: tx)
        }
        let handler = NoteJob { payload, job in
            tally.add(payload.label)
            #expect(Instant.now() >= job.dueAt)
        }
        try await fixture.running([fixture.workers([handler])]) {
            try await eventually { tally["now"] == 1 && tally["second"] == 1 }
            try await eventually { try await fixture.jobsLeft() == 1 }
        }
        #expect(tally["hour"] == 0)
        let slot: Int = try await fixture.store.inspect("select slot from jobs") { try $0[0][0] }
        #expect(slot == 4)
    }

    /// 10,000 bulk jobs of one clinic, then one critical job of another: at most 100 of the former start before it.
    @Test func aFloodOfOneClinicDoesNotKeepAnotherWaiting() async throws {
        let fixture = try JobFixture("jobs_fair")
        let tally = Tally()
        let before = Mutex(0)
        let startedBefore = Mutex<Int?>(nil)
        let handler = NoteJob { payload, _ in
            if payload.label == "flood" {
                tally.add("flood")
            } else {
                startedBefore.withLock { $0 = tally["flood"] - before.withLock { $0 } }
            }
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            try Jobs.enqueue(
                NoteJob.self,
                payloads: Array(repeating: Label(label: "flood"), count: 10_000),
                lane: .bulk,
                in: tx
            )
        }
        try await fixture.running([fixture.workers([handler])]) {
            try await eventually { tally["flood"] > 50 }
            try await fixture.database.transaction(for: fixture.tenant(fixture.other)) { tx in
                _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "urgent"), lane: .critical, in: tx)
                before.withLock { $0 = tally["flood"] }
            }
            try await eventually { startedBefore.withLock { $0 } != nil }
        }
        #expect(try #require(startedBefore.withLock { $0 }) <= 100)
    }

    @Test func clinicsTakeTurnsWithinALane() async throws {
        let fixture = try JobFixture("jobs_turns")
        let tally = Tally()
        let floodAtEnd = Mutex<Int?>(nil)
        let handler = NoteJob { payload, _ in
            if tally.add(payload.label) == 40, payload.label == "few" { floodAtEnd.withLock { $0 = tally["flood"] } }
        }
        for (clinic, label, count) in [(fixture.clinic, "flood", 5_000), (fixture.other, "few", 40)] {
            try await fixture.database.transaction(for: fixture.tenant(clinic)) { tx in
                let labels = Array(repeating: Label(label: label), count: count)
                try Jobs.enqueue(NoteJob.self, payloads: labels, lane: .normal, in: tx)
            }
        }
        try await fixture.running([fixture.workers([handler])]) {
            try await eventually { floodAtEnd.withLock { $0 } != nil }
        }
        // Turn about: the flood got about as many as the few, not all 5,000 first.
        #expect(try #require(floodAtEnd.withLock { $0 }) < 400)
    }

    @Test func oneClinicsRunningJobsAreCapped() async throws {
        let fixture = try JobFixture("jobs_cap")
        let running = Mutex((now: 0, most: 0))
        let handler = NoteJob { _, _ in
            running.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            await Task.yield()
            running.withLock { $0.now -= 1 }
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            try Jobs.enqueue(NoteJob.self, payloads: Array(repeating: Label(label: "c"), count: 300), in: tx)
        }
        try await fixture.running([fixture.workers([handler]) { $0.perClinic = 3 }]) {
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
        #expect(running.withLock { $0.most } <= 3)
        #expect(try await fixture.effects("c") == 300)
    }

    /// A campaign whose calls hang holds a part of its clinic's share, and never all of it.
    @Test func aClinicsCampaignDoesNotKeepItsOwnUrgentWorkWaiting() async throws {
        let fixture = try JobFixture("jobs_urgent")
        let tally = Tally()
        let isOpen = Mutex(false)
        let handler = NoteJob { payload, _ in
            tally.add(payload.label)
            if payload.label == "campaign" { try await eventually { isOpen.withLock { $0 } } }
        }
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            let labels = Array(repeating: Label(label: "campaign"), count: 200)
            try Jobs.enqueue(NoteJob.self, payloads: labels, lane: .bulk, in: tx)
        }
        try await fixture.running([fixture.workers([handler]) { $0.perClinic = 8 }]) {
            try await eventually { tally["campaign"] == 4 }
            try await fixture.database.transaction(for: fixture.tenant()) { tx in
                _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "usual"), lane: .normal, in: tx)
                _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "code"), lane: .critical, in: tx)
            }
            try await eventually {
                let (code, usual) = (try await fixture.effects("code"), try await fixture.effects("usual"))
                return code == 1 && usual == 1
            }
            #expect(tally["campaign"] == 4)
            isOpen.withLock { $0 = true }
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
    }

    @Test func transactionalJobsAreDoneInBatchesAndABadOneHoldsNobodyUp() async throws {
        let fixture = try JobFixture("jobs_batch")
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            let labels = Array(repeating: Label(label: "fine"), count: 700) + [Label(label: "bad")]
            try Jobs.enqueue(NoteBatch.self, payloads: labels, in: tx)
        }
        try await fixture.running([fixture.workers([], [NoteBatch()]), fixture.workers([], [NoteBatch()])]) {
            try await eventually { try await fixture.jobsLeft() == 0 }
        }
        #expect(try await fixture.effects("fine") == 700)
        let letters = try await DeadLetters.list(through: fixture.database)
        #expect(letters.map(\.attempts) == [2])
    }

    @Test func workThatOnlyANewerProcessKnowsIsLeftAlone() async throws {
        let fixture = try JobFixture("jobs_newer")
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteBatch.self, payload: Label(label: "newer"), in: tx)
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "known"), in: tx)
        }
        try await fixture.running([fixture.workers([NoteJob()])]) {
            try await eventually { try await fixture.effects("known") == 1 }
        }
        #expect(try await fixture.jobsLeft() == 1)
        try await fixture.running([fixture.workers([], [NoteBatch()])]) {
            try await eventually { try await fixture.effects("newer") == 1 }
        }
    }

    @Test func anEmptySlotIsTruncatedAndAFullOneIsNot() async throws {
        let fixture = try JobFixture("jobs_slots")
        let current: Int = try await fixture.store.inspect("select job_slot(now())") { try $0[0][0] }
        let (past, older) = ((current + 2) % 4, (current + 1) % 4)
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            for slot in [past, older] {
                tx.execute(
                    """
                    insert into jobs (clinic_id, id, slot, lane, due_at, handler, payload)
                    values (\(fixture.clinic), \(JobID()), \(slot), 1, now() + interval '1 hour', 'test.note', '')
                    """
                )
            }
            tx.execute("delete from jobs where clinic_id = \(fixture.clinic) and slot = \(past)")
        }
        let results = try await fixture.database.through(.relay) { tx in
            try [past, older, current].map { slot -> Bool in
                try tx.rows("select jobs_truncate(\(slot)::smallint)")[0][0]
            }
        }
        #expect(results == [true, false, false])
        #expect(try await fixture.jobsLeft() == 1)
    }

    /// However new the installation is: nothing has counted the rows when the first thousands come.
    @Test func finishedJobsAreFoundByTheirKeys() async throws {
        let test = try JobFixture("jobs_plan")
        let plan = try await test.database.transaction(for: test.tenant()) { tx in
            try Jobs.enqueue(
                NoteJob.self,
                payloads: Array(repeating: Label(label: "l"), count: 2_000),
                in: tx
            )
            let tickets = (0..<16).map { _ in
                JobTicket(id: JobID(), slot: 0, lease: JobID(), handler: NoteJob.name, uniqueKey: nil)
            }
            tx.execute(JobRows.byIndex)
            return try tx.rows("explain " + JobRows.finish(test.clinic, tickets)).map { try $0[0] as String }
        }
        let searches = plan.filter { $0.contains("Index Scan") }
        #expect(!searches.isEmpty && searches.allSatisfy { $0.contains("_pkey") }, "\(plan)")
    }

    @Test func aClinicSeesOnlyItsOwnJobs() async throws {
        let fixture = try JobFixture("jobs_clinics")
        try await fixture.database.transaction(for: fixture.tenant()) { tx in
            _ = try Jobs.enqueue(NoteJob.self, payload: Label(label: "mine"), in: tx)
        }
        let seen = try await fixture.database.transaction(for: fixture.tenant(fixture.other)) { tx in
            try tx.rows("delete from jobs").affected
        }
        #expect(seen == 0)
        await #expect(throws: DatabaseError.self) {
            try await fixture.database.transaction(for: fixture.tenant(fixture.other)) { tx in
                tx.execute(
                    """
                    insert into jobs (clinic_id, id, slot, lane, due_at, handler, payload)
                    values (\(fixture.clinic), \(JobID()), 0, 1, now(), 'test.note', '')
                    """
                )
            }
        }
    }
}
