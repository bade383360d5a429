import Glibc
import Synchronization
import Threads

/// A server's process: started, and once it is kept, started again whenever it dies, until it is stopped.
final class KeptProcess: Sendable {
    /// Between attempts, when it does not stay up.
    private static let pause: useconds_t = 500_000

    private struct State {
        var child: ChildProcess
        var isStopping = false
        var announce: (@Sendable (String) -> Void)?
    }

    private let name: String
    private let command: ChildProcess.Command
    private let state: Mutex<State>

    init(_ name: String, _ command: ChildProcess.Command) throws {
        self.name = name
        self.command = command
        state = Mutex(State(child: try ChildProcess(command)))
    }

    var pid: Int32 { state.withLock { $0.child.pid } }
    var exit: ChildProcess.Exit? { state.withLock { $0.child.exit } }

    /// From now on a death is announced and mended, the first time at once.
    func keep(_ announce: @escaping @Sendable (String) -> Void) {
        let child = state.withLock { state in
            state.announce = announce
            return state.child
        }
        watch(child)
    }

    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) -> ChildProcess.Exit {
        let child = state.withLock { state in
            state.isStopping = true
            return state.child
        }
        return child.stop(signal)
    }

    private func watch(_ child: ChildProcess) {
        child.whenEnded { [weak self] _ in SystemThread.start(named: "revival") { self?.revive() } }
    }

    private func revive() {
        while true {
            let announce = state.withLock { $0.isStopping ? nil : $0.announce }
            guard let announce else { return }
            announce("\(name) has ended; starting it again")
            let revived = state.withLock { state -> ChildProcess? in
                guard !state.isStopping, let child = try? ChildProcess(command) else { return nil }
                state.child = child
                return child
            }
            usleep(Self.pause)
            guard let revived else { continue }
            // A server that finds its predecessor's remains in its way ends at once: it is tried again.
            if revived.exit == nil { return watch(revived) }
        }
    }
}
