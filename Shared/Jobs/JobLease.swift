import Core
import Synchronization

/// The right to work on a job until a moment on the monotonic clock, which no clock setting can move.
package final class JobLease: Sendable {
    /// Taken off the end, so that a call begun under the lease does not outlive it by its way to the wire.
    package static let margin: Duration = .seconds(2)

    let token: JobID
    let duration: Duration
    private let end: Mutex<ContinuousClock.Instant>

    /// `since` is read before the statement that took the lease was sent.
    init(token: JobID, duration: Duration, since: ContinuousClock.Instant) {
        self.token = token
        self.duration = duration
        end = Mutex(since + duration - min(Self.margin, duration / 4))
    }

    /// Whether the job is still this worker's; look before each call that cannot be taken back.
    package var isHeld: Bool { ContinuousClock.now < end.withLock { $0 } }

    /// What is left, never negative; a call's deadline must be shorter.
    package var remaining: Duration { max(.zero, end.withLock { $0 } - ContinuousClock.now) }

    /// Throws `JobFailure.leaseLost` unless it is held.
    package func check() throws {
        guard isHeld else { throw JobFailure.leaseLost }
    }

    func extend(since: ContinuousClock.Instant) {
        end.withLock { $0 = max($0, since + duration - min(Self.margin, duration / 4)) }
    }

    func end(at moment: ContinuousClock.Instant) { end.withLock { $0 = moment } }
}
