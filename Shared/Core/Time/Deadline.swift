/// The moment after which nobody waits for an answer any more.
package struct Deadline: Hashable, Sendable, Codable {
    package var at: Instant

    package init(at: Instant) { self.at = at }
    package static func after(_ duration: Duration, from now: Instant = .now()) -> Deadline {
        Deadline(at: now + duration)
    }

    package func hasPassed(at now: Instant = .now()) -> Bool { now >= at }
    /// What is left, never negative.
    package func remaining(at now: Instant = .now()) -> Duration { hasPassed(at: now) ? .zero : at - now }
}
