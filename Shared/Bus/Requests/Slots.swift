import Core
import Synchronization

/// How many entries may be at hand at once; the one reader waits here before it reads more.
final class Slots: Sendable {
    fileprivate struct State {
        var free: Int
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Waits until a slot is free, no longer than `patience` where there is one, and gives the number of free ones: zero when
    /// it was in vain or the task was cancelled.
    func available(within patience: Duration? = nil) async -> Int {
        var alarm: Alarms.Alarm?
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if state.free > 0 || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if goesOn {
                    continuation.resume()
                } else if let patience {
                    alarm = Alarms.shared.set(after: patience) { self.wake() }
                }
            }
        } onCancel: {
            wake()
        }
        if let alarm { Alarms.shared.callOff(alarm) }
        return Task.isCancelled ? 0 : state.withLock { max(0, $0.free) }
    }

    private func wake() { state.withLock { $0.takeWaiter() }?.resume() }

    /// Takes a slot, even the last but none: what was claimed from a dead peer does not wait for long.
    func take() { state.withLock { $0.free -= 1 } }

    func release() {
        let waiter = state.withLock { state in
            state.free += 1
            return state.free > 0 ? state.takeWaiter() : nil
        }
        waiter?.resume()
    }

    var isFree: Bool { state.withLock { $0.free > 0 } }
}

extension Slots.State {
    fileprivate mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
        defer { waiter = nil }
        return waiter
    }
}
