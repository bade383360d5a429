import Core
import Postgres
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

    /// Between two writes of `writing`: doubled from the first to the last.
    private static let writePause: (first: Duration, last: Duration) = (.milliseconds(100), .seconds(2))

    /// Writes what cannot be found out a second time, again and again while the database is away and the lease is held.
    ///
    /// - Parameters:
    ///   - gaveUp: whether to stop all the same; asked after each failure.
    ///   - onRetry: told before each pause.
    /// - Throws: the last failure, or `CancellationError` from a pause.
    package func writing<R>(
        unless gaveUp: () -> Bool = { false },
        onRetry: () -> Void = {},
        _ write: () async throws -> R
    ) async throws -> R {
        var pause = Self.writePause.first
        while true {
            do {
                return try await write()
            } catch let error as DatabaseError
                where (error.isTransient || error.code == .deadlock) && isHeld && !gaveUp()
            {
                onRetry()
                try await Task.sleep(for: pause)
                pause = min(pause * 2, Self.writePause.last)
            }
        }
    }

    func extend(since: ContinuousClock.Instant, by longer: Duration? = nil) {
        let duration = longer ?? duration
        end.withLock { $0 = max($0, since + duration - min(Self.margin, duration / 4)) }
    }

    func end(at moment: ContinuousClock.Instant) { end.withLock { $0 = moment } }
}
