import Dispatch
import Synchronization
import Threads

/// The thread that starts children and lives as long as the process: a child is told of the end of the *thread* that
/// started it, so that one of a task's passing threads must not do it.
final class KeeperThread: Sendable {
    static let shared = KeeperThread()

    private let tasks = Mutex<[@Sendable () -> Void]>([])
    private let signal = DispatchSemaphore(value: 0)

    private init() {
        SystemThread.start(named: "keeper") { Self.shared.work() }
    }

    /// Runs `body` on the thread and waits for it.
    func perform<R: Sendable>(_ body: @escaping @Sendable () -> R) -> R {
        let outcome = Outcome<R>()
        tasks.withLock { tasks in
            tasks.append { outcome.finish(body()) }
        }
        signal.signal()
        return outcome.wait()
    }

    private func work() -> Never {
        while true {
            signal.wait()
            let task = tasks.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            task?()
        }
    }

    private final class Outcome<R: Sendable>: Sendable {
        private let value = Mutex<R?>(nil)
        private let done = DispatchSemaphore(value: 0)

        func finish(_ result: R) {
            value.withLock { $0 = result }
            done.signal()
        }

        func wait() -> R {
            while true {
                done.wait()
                if let result = value.withLock({ $0 }) { return result }
            }
        }
    }
}
