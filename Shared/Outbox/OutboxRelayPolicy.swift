/// How the relay works.
package struct OutboxRelayPolicy: Sendable {
    /// Rows of one lane that are published together.
    package var batch = 512
    /// How long the lead is kept by a relay that shows no sign of life.
    package var lead: Duration = .seconds(3)
    /// How often a relay that does not lead looks again, and one that met an error tries again.
    package var standby: Duration = .milliseconds(250)
    /// How often the leader looks for rows when nobody signals.
    package var idle: Duration = .milliseconds(100)
    /// How long a leader that found less than a batch lets more come together before it looks again.
    package var gathering: Duration = .milliseconds(40)
    /// How long a part rests when its stream is full.
    package var pause: Duration = .milliseconds(200)
    package var epochCheck: Duration = .milliseconds(500)
    package var confirmation: Duration = .seconds(1)
    package var truncation: Duration = .seconds(30)
    /// A row unconfirmed for so long is looked for, and sent again when its entry is gone.
    package var lossAfter: Duration = .seconds(300)
    package var lossCheck: Duration = .seconds(60)
    /// Rows per second that a recovery sends at most.
    package var recoveryRate = 20_000

    package init() {}
}

/// What the relay does now and then, and when it is due.
struct OutboxUpkeep {
    enum Duty: CaseIterable { case epoch, confirm, resend, truncate }

    private let every: [Duty: Duration]
    private var next: [Duty: ContinuousClock.Instant] = [:]

    init(_ policy: OutboxRelayPolicy) {
        every = [
            .epoch: policy.epochCheck, .confirm: policy.confirmation, .resend: policy.lossCheck,
            .truncate: policy.truncation,
        ]
    }

    /// Whether its time has come; if so, the next time is set.
    mutating func isDue(_ duty: Duty, at now: ContinuousClock.Instant = .now) -> Bool {
        if let due = next[duty], now < due { return false }
        next[duty] = now + (every[duty] ?? .zero)
        return true
    }

    /// After an error the epoch is looked at first.
    mutating func restart() { next[.epoch] = nil }
}
