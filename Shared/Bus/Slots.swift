import Synchronization

/// How many entries may be at hand at once; the one reader waits here before it reads more.
final class Slots: Sendable {
    fileprivate struct State {
        var free: Int
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Waits until a slot is free and gives the number of free ones; zero when the task was cancelled.
    func available() async -> Int {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if state.free > 0 || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.takeWaiter() }?.resume()
        }
        return Task.isCancelled ? 0 : state.withLock { max(0, $0.free) }
    }

    /// Waits for a free slot as long as `patience` lasts and gives the number of free ones; none or fewer where it was in vain.
    func available(within patience: Duration) async -> Int {
        if !isFree {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { _ = await self.available() }
                tasks.addTask { try? await Task.sleep(for: patience) }
                await tasks.next()
                tasks.cancelAll()
            }
        }
        return state.withLock { $0.free }
    }

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
