import Core
import Foundation
import LocalServers
import Synchronization

/// Keeps processes running: what dies is started again, the first time at once, then ever more slowly.
final class Supervisor: Sendable {
    /// After the second death in a row, and at most.
    static let shortestPause: Duration = .milliseconds(500)
    static let longestPause: Duration = .seconds(30)
    /// Who has lived so long starts afresh.
    static let steadyAfter: Duration = .seconds(60)
    /// How long a process may take to end by itself.
    static let grace: Duration = .seconds(35)

    private struct State {
        var running: [String: ChildProcess] = [:]
        var isStopping = false
    }

    private let plans: [ProcessPlan]
    private let state = Mutex(State())
    private let announce: @Sendable (String) -> Void

    /// `announce` hears of every death and restart, in words.
    init(_ plans: [ProcessPlan], announce: @escaping @Sendable (String) -> Void) {
        self.plans = plans
        self.announce = announce
    }

    /// Runs every process until the task is cancelled, then ends the gateway first and all others after it.
    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            for plan in plans { group.addTask { await self.keep(plan) } }
            await withTaskCancellationHandler {
                await group.waitForAll()
            } onCancel: {
                self.stop()
            }
        }
    }

    private func keep(_ plan: ProcessPlan) async {
        var deaths = 0
        while !state.withLock({ $0.isStopping }) {
            let begun = ContinuousClock.now
            let exit: String
            do {
                guard let child = try start(plan) else { return }
                exit = Self.words(await child.ended())
            } catch { exit = "\(error)" }
            if state.withLock({ $0.isStopping }) { return }
            if ContinuousClock.now - begun > Self.steadyAfter { deaths = 0 }
            deaths += 1
            let pause = Self.pause(after: deaths)
            announce("\(plan.name) \(exit); starting it again\(deaths > 1 ? " in \(pause.inSeconds) s" : "")")
            try? await Task.sleep(for: pause)
        }
    }

    static func pause(after deaths: Int) -> Duration {
        guard deaths > 1 else { return .zero }
        return min(shortestPause * (1 << min(deaths - 2, 10)), longestPause)
    }

    private func start(_ plan: ProcessPlan) throws -> ChildProcess? {
        try state.withLock { state in
            if state.isStopping { return nil }
            let child = try ChildProcess(plan.command)
            state.running[plan.name] = child
            return child
        }
    }

    /// The process ids by name, of those that run.
    var pids: [String: Int32] {
        state.withLock { $0.running.filter { $0.value.exit == nil }.mapValues(\.pid) }
    }

    private func stop() {
        let running = state.withLock { state in
            state.isStopping = true
            return state.running
        }
        // Clients leave first; then nothing new comes to the services.
        running["gateway"]?.stop(grace: Self.grace)
        for child in running.values { child.send(SIGTERM) }
        for child in running.values { child.stop(grace: Self.grace) }
    }

    private static func words(_ exit: ChildProcess.Exit) -> String {
        switch exit {
        case .code(let code): "ended with code \(code)"
        case .signal(let signal): "was killed by signal \(signal)"
        }
    }
}
