import Synchronization

/// Lets one part of a process tell another that there is work: a signal is kept until somebody waits for it.
package final class WakeSignal: Sendable {
    private struct State {
        var isPending = false
        var signals = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// How often everyone was called.
    package var signals: Int { state.withLock { $0.signals } }

    /// Wakes everyone who waits, or the next one who will.
    package func signal() {
        let waiting = state.withLock { state in
            state.signals += 1
            state.isPending = state.waiting.isEmpty
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Wakes one of those who wait, or the next one who will: there is work for no more.
    package func signalOne() {
        let one = state.withLock { state in
            let one = state.waiting.first.flatMap { state.waiting.removeValue(forKey: $0.key) }
            if one == nil { state.isPending = true }
            return one
        }
        one?.resume()
    }

    /// Returns at a signal, when the time is over, or when the task is cancelled.
    package func wait(upTo limit: Duration) async {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        var alarm: Alarms.Alarm?
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isPending || Task.isCancelled {
                        state.isPending = false
                        return true
                    }
                    state.waiting[id] = continuation
                    return false
                }
                if isDone { continuation.resume() } else { alarm = Alarms.shared.set(after: limit) { self.end(id) } }
            }
        } onCancel: {
            end(id)
        }
        if let alarm { Alarms.shared.callOff(alarm) }
    }

    private func end(_ id: Int) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
}
