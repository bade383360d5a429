/// When a circuit opens, for how long, and how it is tried again.
package struct CircuitBreakerPolicy: Sendable, Equatable {
    /// So many failures in a row open the circuit.
    package var consecutiveFailures: Int
    /// With at least `minimumCalls` within `window`, this share of failures opens the circuit.
    package var failureRatio: Double
    package var minimumCalls: Int
    package var window: Duration
    /// So many different sources must be among the failures within `window`, or the circuit stays closed.
    package var failingSources: Int
    /// How long the circuit stays open the first time; doubled after each failed probe, up to `longestOpenTime`.
    package var openTime: Duration
    package var longestOpenTime: Duration
    /// A probe that has not ended after this time is given up and another one may go.
    package var probeTime: Duration
    /// The share by which an open time is varied up and down, so that processes do not probe in step.
    package var jitter: Double

    package init(
        consecutiveFailures: Int = 5,
        failureRatio: Double = 0.5,
        minimumCalls: Int = 10,
        window: Duration = .seconds(60),
        failingSources: Int = 1,
        openTime: Duration = .seconds(30),
        longestOpenTime: Duration = .seconds(600),
        probeTime: Duration = .seconds(30),
        jitter: Double = 0.1
    ) {
        self.consecutiveFailures = consecutiveFailures
        self.failureRatio = failureRatio
        self.minimumCalls = minimumCalls
        self.window = window
        self.failingSources = failingSources
        self.openTime = openTime
        self.longestOpenTime = longestOpenTime
        self.probeTime = probeTime
        self.jitter = jitter
    }

    /// The open time after so many failed probes, varied by a number from 0 to 1.
    func openTime(afterFailedProbes probes: Int, roll: Double) -> Duration {
        var time = openTime
        for _ in 0..<probes where time < longestOpenTime { time *= 2 }
        return min(time, longestOpenTime) * (1 + jitter * (2 * roll - 1))
    }
}
