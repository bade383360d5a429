import Core

/// How much of webhooks that are not whole yet is held, and for how long: nobody has shown so far that they are a provider's.
enum LargeWebhookRules {
    /// Between two pieces, and for the whole to be read; the slowest client that is let in sends one in half of it.
    static let patience: Duration = .seconds(45)
    /// From the first piece to the last: what has not become whole by then takes no room from others.
    static let longestLife: Duration = .seconds(200)
    /// Of one clinic, in bytes.
    static let mostOfClinic = 128 << 20
    /// Of all clinics, in bytes, but for the pieces that come at the same time.
    static let mostInAll = 1 << 30

    /// Until when a body is kept that a piece has come of.
    static func expiry(begunAt: Instant, isWhole: Bool, at now: Instant) -> Instant {
        isWhole ? now + patience : min(now + patience, begunAt + longestLife)
    }

    /// Throws 413 for a body that is longer than the provider's are, and 503 while there is no room: providers come again after
    /// that alone.
    ///
    /// - Parameters:
    ///   - size: bytes of the body, this piece included.
    ///   - clinic: bytes of all of the clinic's that are held, this piece included.
    ///   - all: bytes of everybody's.
    static func checkRoom(size: Int, longest: Int, clinic: Int, all: Int) throws(Problem) {
        guard size <= longest else { throw tooLarge(longest) }
        guard clinic <= mostOfClinic, all <= mostInAll else { throw .unavailable("Room for a large webhook") }
    }

    static func tooLarge(_ longest: Int) -> Problem {
        Problem(413, "too_large", "The webhook may have at most \(longest) bytes.")
    }
}
