import Core

/// Where there is work, as a look at all lanes has shown it.
struct JobOutlook: Sendable {
    /// Until it is looked again, whoever says nothing: another process may have left work, and a sleeper's time may have come.
    static let lasts: Duration = .milliseconds(50)

    /// The lanes in which somebody has work.
    let awake: Set<JobLane>
    /// When the first of those who sleep has work, if any sleeps.
    let untilNext: Duration?
    let at: ContinuousClock.Instant
    /// How often this process had said by then that there is work.
    let heard: Int
    /// Those of a lane who could be given no more, when nobody beside them had work.
    var nobodyBeside: [JobLane: Set<ClinicID>] = [:]

    /// Whether it is news enough to go by.
    func holds(at now: ContinuousClock.Instant, hearing signals: Int) -> Bool {
        !awake.isEmpty && signals == heard && now - at < Self.lasts
    }

    /// How long to rest at most once nothing is found.
    func rest(_ policy: JobWorkersPolicy) -> Duration {
        awake.isEmpty ? min(policy.idle, untilNext ?? policy.idle) : policy.wait
    }
}
