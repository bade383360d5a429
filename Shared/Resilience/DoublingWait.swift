package import Core

/// How something is looked for that is awaited, ever more rarely: each time after as long again as it has been awaited.
package struct DoublingWait: Sendable, Equatable {
    /// The shortest pause.
    package let first: Duration
    /// How long it is awaited; when that is over it is looked for a last time.
    package let longest: Duration

    package init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
    }

    /// When to look again, or `nil` when the wait is over.
    ///
    /// - Parameter start: since when it is awaited.
    package func next(since start: Instant, at now: Instant) -> Instant? {
        let age = now - start
        guard age < longest else { return nil }
        return min(now + max(age, first), start + longest)
    }
}
