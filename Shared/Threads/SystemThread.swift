import CGlibc
import Glibc

/// Threads of the system, for work that blocks: those that tasks run on must not.
package enum SystemThread {
    /// Starts a thread that nobody joins, and which the process cannot do without.
    ///
    /// - Parameter name: shows in `ps -L`, 15 bytes of it.
    package static func start(named name: String, _ body: @escaping @Sendable () -> Void) {
        precondition(startIfPossible(named: name, body), "Cannot start the thread \(name)")
    }

    /// The same; `false` when the system has no thread to give.
    package static func startIfPossible(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        let box = unsafe Unmanaged.passRetained(Body(name: name, run: body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                unsafe polyclinic_name_thread(body.name)
                body.run()
                return nil
            },
            box.toOpaque()
        )
        guard status == 0 else {
            unsafe box.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }
}
