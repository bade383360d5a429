package import Core

/// When failed tries make further ones wait: those of whoever fails, not those of the account's owner.
///
/// Tries are counted per address that is signed in with, and there apart for each source. A device that has signed in to
/// the account before answers for its own tries only, so nobody else can keep it out. Strangers answer for those of their
/// network, and together for the account: many networks guessing at once are slowed down as one. What the caller sees is
/// the same as for a wrong password.
package struct Lockout: Hashable, Sendable {
    /// Failed tries in a row of one device or network after which it waits.
    package static let triesPerSource = 10
    /// Failed tries of all strangers together after which they wait for one another.
    package static let triesOfStrangers = 30
    package static let firstWait: Duration = .seconds(60)
    package static let longestWait: Duration = .seconds(15 * 60)
    /// After so long without a failed try they are forgotten.
    package static let memory: Duration = .seconds(24 * 3_600)
    /// How long a device stays known after it has signed in.
    package static let deviceMemory: Duration = .seconds(90 * 24 * 3_600)

    /// What is known of one source.
    package struct Tries: Hashable, Sendable {
        package var failures: Int
        package var lastFailedAt: Instant?
        package var blockedUntil: Instant?
        package var succeededAt: Instant?

        package init(
            failures: Int = 0,
            lastFailedAt: Instant? = nil,
            blockedUntil: Instant? = nil,
            succeededAt: Instant? = nil
        ) {
            self.failures = failures
            self.lastFailedAt = lastFailedAt
            self.blockedUntil = blockedUntil
            self.succeededAt = succeededAt
        }

        func isBlocked(at now: Instant) -> Bool { blockedUntil.map { $0 > now } ?? false }

        mutating func fail(after free: Int, at now: Instant) {
            if let lastFailedAt, now - lastFailedAt >= Lockout.memory { failures = 0 }
            failures += 1
            lastFailedAt = now
            if failures >= free { blockedUntil = now + Lockout.wait(after: failures - free) }
        }
    }

    /// The program at its network.
    package var device: Tries
    package var network: Tries
    /// All who are not known, together.
    package var strangers: Tries

    package init(device: Tries = Tries(), network: Tries = Tries(), strangers: Tries = Tries()) {
        self.device = device
        self.network = network
        self.strangers = strangers
    }

    package func isKnown(at now: Instant) -> Bool {
        device.succeededAt.map { now - $0 < Self.deviceMemory } ?? false
    }

    /// Whether a try at this moment is refused whatever the password.
    package func isBlocked(at now: Instant) -> Bool {
        isKnown(at: now) ? device.isBlocked(at: now) : network.isBlocked(at: now) || strangers.isBlocked(at: now)
    }

    package mutating func fail(at now: Instant) {
        if isKnown(at: now) { return device.fail(after: Self.triesPerSource, at: now) }
        network.fail(after: Self.triesPerSource, at: now)
        // One network alone, however stubborn, slows down nobody but itself.
        if network.failures <= Self.triesPerSource { strangers.fail(after: Self.triesOfStrangers, at: now) }
    }

    /// The device is known from now on; what its network's other users failed at stays counted.
    package mutating func succeed(at now: Instant) { device = Tries(succeededAt: now) }

    /// Doubles with every further failed try.
    private static func wait(after further: Int) -> Duration {
        min(firstWait * (1 << min(further, 16)), longestWait)
    }
}
