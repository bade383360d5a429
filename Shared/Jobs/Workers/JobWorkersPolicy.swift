package import Resilience

/// How a process works on jobs.
package struct JobWorkersPolicy: Sendable {
    /// Leased jobs that run at once in this process.
    package var concurrency = 128
    /// Of these, the most for one clinic.
    package var perClinic = 64
    /// The same while other clinics have work too.
    package var besideOthers = 16
    /// Room for as many is waited for before more of a lane that is not critical is fetched.
    package var worthwhile = 12
    /// Jobs that one turn of a clinic hands out.
    package var turn = 32
    /// Transactional jobs that one turn of a clinic does in one transaction.
    package var batch = 256
    /// Loops that take turns side by side.
    package var pollers = 2
    /// How long to sleep at most when nobody has work and nobody signals: another process may have left some.
    package var idle: Duration = .seconds(1)
    /// How long to wait when those who have work cannot be served now.
    package var wait: Duration = .milliseconds(100)
    /// How long a loop pauses between turns that fail: the database is away.
    package var failurePause = RetryPolicy.forever(
        base: .milliseconds(200),
        cap: .seconds(2),
        floor: .milliseconds(50)
    )
    /// How long running jobs are waited for at shutdown before they are cancelled.
    package var drain: Duration = .seconds(20)
    /// How often leases are looked through.
    package var renewal: Duration = .seconds(5)
    /// How often slots are emptied and the backlog is measured.
    package var upkeep: Duration = .seconds(10)

    package init() {}
}
