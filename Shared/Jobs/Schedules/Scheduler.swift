package import Core
package import Logging
package import Postgres
import ServiceLifecycle
import Synchronization

/// Hands out recurring work: the next occurrence is set in the transaction that makes this one a job.
///
/// Every replica runs one; a row's lock and the key of `schedule_runs` let each occurrence be handed out once. A run that
/// is not over is not overlapped: its next one waits.
package final class Scheduler: Service {
    /// How often due schedules are looked for.
    package static let interval: Duration = .milliseconds(500)
    /// Occurrences that are remembered.
    package static let runsKept: Duration = .seconds(30 * 86_400)

    private let database: Database
    private let schedules: [Schedule]
    private let logger: Logger
    private let state = Mutex((isStopping: false, isDeclared: false, isFailing: false))
    private let signal = WakeSignal()

    package init(database: Database, schedules: [Schedule], logger: Logger) {
        self.database = database
        self.schedules = schedules
        self.logger = logger
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await self.work()
        } onGracefulShutdown: {
            self.state.withLock { $0.isStopping = true }
            self.signal.signal()
        }
    }

    private func work() async {
        while !Task.isCancelled, !state.withLock({ $0.isStopping }) {
            do {
                if !state.withLock({ $0.isDeclared }) {
                    try await declare()
                    state.withLock { $0.isDeclared = true }
                }
                _ = try await handOut()
                if isFailing(false) { logger.notice("schedules are handed out again") }
            } catch {
                if !isFailing(true) {
                    logger.warning(
                        "schedules could not be handed out",
                        metadata: ["error_type": "\(type(of: error))"]
                    )
                }
            }
            await signal.wait(upTo: Self.interval)
        }
    }

    /// Notes how the last look ended, and gives how the one before did.
    private func isFailing(_ now: Bool) -> Bool {
        state.withLock { state in
            defer { state.isFailing = now }
            return state.isFailing
        }
    }

    /// Writes the declared schedules; one whose time table changed begins anew from now.
    package func declare(at now: Instant = .now()) async throws {
        let schedules = self.schedules
        try await database.through(.relay, operation: "schedules.declare") { tx in
            for schedule in schedules {
                guard let due = try Self.next(schedule.cron, schedule.timeZone, after: now) else { continue }
                tx.execute(
                    """
                    insert into schedules
                        (clinic_id, name, handler, lane, cron, time_zone, catch_up, payload, next_due)
                    values (\(schedule.clinic), \(schedule.name), \(schedule.handler), \(schedule.lane.rawValue),
                        \(schedule.cron.description), \(schedule.timeZone.name), \(schedule.catchUp),
                        \(schedule.payload), \(due))
                    on conflict (clinic_id, name) do update set handler = excluded.handler, lane = excluded.lane,
                        cron = excluded.cron, time_zone = excluded.time_zone, catch_up = excluded.catch_up,
                        payload = excluded.payload,
                        next_due = case when (schedules.cron, schedules.time_zone)
                            = (excluded.cron, excluded.time_zone) then schedules.next_due else excluded.next_due end
                    """
                )
            }
        }
    }

    /// Makes jobs of what is due; gives how many.
    package func handOut(at now: Instant = .now()) async throws -> Int {
        try await database.through(.relay, operation: "schedules.hand_out") { tx in
            let rows = try tx.rows(
                """
                select clinic_id, name, handler, lane, cron, time_zone, catch_up, payload, next_due from schedules as s
                where next_due <= \(now) and not exists (
                    select from jobs as j where j.clinic_id = s.clinic_id and j.id = s.last_job)
                order by next_due limit 100 for update skip locked
                """
            )
            for row in rows { try Self.handOut(DueSchedule(row), at: now, in: tx) }
            return rows.count
        }
    }

    private static func handOut(_ due: DueSchedule, at now: Instant, in tx: borrowing Transaction) throws {
        let job = JobID()
        tx.execute(
            """
            insert into schedule_runs (clinic_id, schedule, due_at, job_id)
            values (\(due.clinic), \(due.name), \(due.dueAt), \(job))
            """
        )
        Jobs.insert(
            job,
            due.clinic,
            due.handler,
            due.payload,
            due.lane,
            dueAt: nil,
            unique: nil,
            in: tx
        )
        let next = try next(due.cron, due.timeZone, after: due.catchUp ? due.dueAt : max(now, due.dueAt))
        tx.execute(
            """
            update schedules set last_job = \(job), next_due = coalesce(\(next), 'infinity')
            where clinic_id = \(due.clinic) and name = \(due.name)
            """
        )
        tx.execute(
            """
            delete from schedule_runs where clinic_id = \(due.clinic) and schedule = \(due.name)
                and due_at < \(now - runsKept)
            """
        )
    }

    private static func next(_ cron: CronExpression, _ zone: TimeZoneName, after moment: Instant) throws -> Instant? {
        guard let zone = NamedZone(zone) else { throw JobFailure.permanent("unknown_time_zone") }
        return cron.next(after: moment, in: zone)
    }
}

/// A row of `schedules` whose time has come.
private struct DueSchedule {
    let clinic: ClinicID
    let name: String
    let handler: String
    let lane: JobLane
    let cron: CronExpression
    let timeZone: TimeZoneName
    let catchUp: Bool
    let payload: [UInt8]
    let dueAt: Instant

    init(_ row: Row) throws {
        clinic = try row[0]
        name = try row[1]
        handler = try row[2]
        lane = JobLane(rawValue: try row[3]) ?? .normal
        cron = try CronExpression(try row[4])
        timeZone = try row[5]
        catchUp = try row[6]
        payload = try row[7]
        dueAt = try row[8]
    }
}
