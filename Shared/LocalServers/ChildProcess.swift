import Glibc
import Synchronization
import Threads

/// A program started by us that ends when we do: the kernel tells it when the thread that started it is gone.
package final class ChildProcess: Sendable {
    package enum StartError: Error, CustomStringConvertible {
        case notStarted(program: String, errno: Int32)

        package var description: String {
            switch self {
            case .notStarted(let program, let code):
                "cannot start \(program): \(unsafe String(cString: strerror(code)))"
            }
        }
    }

    /// How a program ended.
    package enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    /// What to start, and with what.
    package struct Command: Sendable {
        /// An absolute path, or a name looked up in `PATH`.
        package var program: String
        package var arguments: [String]
        /// The whole environment: nothing is inherited.
        package var environment: [String: String]
        /// A file to which standard output and error are appended; inherited when `nil`.
        package var output: String?
        package var workingDirectory: String?
        /// A user to become; needs root.
        package var user: String?
        /// The signal it gets when we die.
        package var deathSignal: String

        package init(
            _ program: String,
            _ arguments: [String] = [],
            environment: [String: String] = [:],
            output: String? = nil,
            workingDirectory: String? = nil,
            user: String? = nil,
            deathSignal: String = "TERM"
        ) {
            self.program = program
            self.arguments = arguments
            self.environment = environment
            self.output = output
            self.workingDirectory = workingDirectory
            self.user = user
            self.deathSignal = deathSignal
        }

        /// `setpriv` asks the kernel for the signal, changes user if need be, and becomes the program: the pid stays.
        fileprivate var words: [String] {
            var words = ["setpriv", "--pdeathsig", deathSignal]
            if let user { words += ["--reuid", user, "--regid", user, "--init-groups"] }
            words.append("--")
            if let workingDirectory { words += ["env", "-C", workingDirectory] }
            return words + [program] + arguments
        }
    }

    package let pid: Int32
    private let state = Mutex(State())

    private struct State {
        var exit: Exit?
        var waiting: [@Sendable (Exit) -> Void] = []
    }

    /// Starts the program in a process group of its own, so that a terminal's Ctrl-C reaches us alone.
    package init(_ command: Command) throws(StartError) {
        let outcome = KeeperThread.shared.perform { unsafe Self.spawn(command) }
        switch outcome {
        case .success(let pid): self.pid = pid
        case .failure(let error): throw error
        }
        SystemThread.start(named: "child-end") { [weak self, pid] in
            let exit = Self.reap(pid)
            self?.ended(exit)
        }
    }

    /// How it ended; `nil` while it runs.
    package var exit: Exit? { state.withLock { $0.exit } }

    package func send(_ signal: Int32) {
        // Not after it was reaped: the number may be another's by then.
        state.withLock { state in if state.exit == nil { _ = kill(pid, signal) } }
    }

    /// Calls back once, when it has ended; at once if it has already.
    package func whenEnded(_ body: @escaping @Sendable (Exit) -> Void) {
        let exit: Exit? = state.withLock { state in
            if state.exit == nil { state.waiting.append(body) }
            return state.exit
        }
        if let exit { body(exit) }
    }

    /// Waits until it has ended.
    @discardableResult
    package func ended() async -> Exit {
        await withCheckedContinuation { continuation in whenEnded { continuation.resume(returning: $0) } }
    }

    /// Asks it to end and kills it if it has not after `grace`.
    ///
    /// Blocks until it is gone.
    @discardableResult
    package func stop(_ signal: Int32 = SIGTERM, grace: Duration = .seconds(10)) -> Exit {
        send(signal)
        let deadline = ContinuousClock.now + grace
        while true {
            if let exit { return exit }
            if ContinuousClock.now > deadline { send(SIGKILL) }
            usleep(5_000)
        }
    }

    private func ended(_ exit: Exit) {
        let waiting = state.withLock { state in
            state.exit = exit
            defer { state.waiting = [] }
            return state.waiting
        }
        for body in waiting { body(exit) }
    }

    private static func reap(_ pid: Int32) -> Exit {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        // The macros of <sys/wait.h>: the low seven bits are the signal, the next byte is the code.
        let signal = status & 0x7F
        return signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
    }
}

extension ChildProcess {
    @unsafe fileprivate static func spawn(_ command: Command) -> Result<Int32, StartError> {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if let output = command.output {
            unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        let words = command.words
        let environment = command.environment.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let status = unsafe withCStrings(words) { arguments in
            unsafe withCStrings(environment) { variables in
                unsafe posix_spawnp(&pid, "setpriv", &actions, &attributes, arguments, variables)
            }
        }
        return status == 0 ? .success(pid) : .failure(.notStarted(program: command.program, errno: status))
    }

    /// Lends the texts as a NULL-terminated array of C strings.
    @unsafe private static func withCStrings<R>(
        _ texts: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers = unsafe texts.map { unsafe strdup($0) }
        unsafe pointers.append(nil)
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return unsafe pointers.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("Cannot lend an empty array") }
            return unsafe body(base)
        }
    }
}
