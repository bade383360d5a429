import Dispatch
import Glibc
import Synchronization

/// Threads that nobody joins.
enum Thread {
    static func start(_ body: @escaping @Sendable () -> Void) {
        let box = unsafe Unmanaged.passRetained(Body(run: body)).toOpaque()
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            box
        )
        precondition(status == 0, "Cannot start a thread (error \(status))")
        pthread_detach(thread)
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

/// The thread that starts children and lives as long as the process: a child is told of the end of the *thread* that
/// started it, so that one of a task's passing threads must not do it.
final class KeeperThread: Sendable {
    static let shared = KeeperThread()

    private let tasks = Mutex<[@Sendable () -> Void]>([])
    private let signal = DispatchSemaphore(value: 0)

    private init() {
        Thread.start { Self.shared.work() }
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
