import Core
import Synchronization

/// The door before the work: lets requests in as their clinics' shares allow, and has the others wait for their turn.
final class ClinicTurns: Sendable {
    private let queue: Mutex<ClinicQueue<CheckedContinuation<Bool, Never>>>

    /// - Parameters: as of `ClinicQueue`.
    init(slots: Int, room: Int) { queue = Mutex(ClinicQueue(slots: slots, room: room)) }

    /// Returns when it is the request's turn, and false at once where no more of its clinic's may wait; a cancelled task waits, too.
    func enter(_ clinic: ClinicID?, bytes: Int) async -> Bool {
        // Where there is room nobody waits, and nothing is made for waiting.
        if queue.withLock({ $0.begin(clinic) }) { return true }
        return await withCheckedContinuation { continuation in
            let answer: Bool? = queue.withLock { queue in
                if queue.begin(clinic) { return true }
                return queue.wait(continuation, bytes: bytes, of: clinic) ? nil : false
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Ends a request that was let in.
    func leave(_ clinic: ClinicID?) {
        for next in queue.withLock({ $0.end(clinic) }) { next.resume(returning: true) }
    }
}
