package import Core
import FoundationEssentials
import Synchronization

/// Hashes passwords off the threads of database and bus: few at once, since each holds a processor and 32 MiB.
package final class PasswordHasher: Sendable {
    /// Sign-ins that may wait for their turn; further ones are refused at once.
    package static let waitingLimit = 100

    private struct State {
        var running = 0
        var waiting: [(id: Int, turn: CheckedContinuation<Bool, Never>)] = []
        var lastID = 0
        var runs = 0
    }

    private let concurrency: Int
    private let state = Mutex(State())

    /// `concurrency` hashes are made at once.
    package init(concurrency: Int) { self.concurrency = max(1, concurrency) }

    /// Passwords hashed or compared so far.
    package var runs: Int { state.withLock { $0.runs } }

    /// A hash with a new salt.
    package func hash(_ password: Secret) async throws -> PasswordHash {
        try await inTurn { try PasswordHash(of: password) }
    }

    /// Whether the password is the one; takes the same time where there is none.
    package func matches(_ password: Secret, _ stored: PasswordHash?) async throws -> Bool {
        let matches = try await inTurn { try (stored ?? .nobody).matches(password) }
        return matches && stored != nil
    }

    private func inTurn<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await takeTurn()
        defer { passOn() }
        state.withLock { $0.runs += 1 }
        return try await Self.compute(work)
    }

    @concurrent
    private static func compute<Result: Sendable>(_ work: @Sendable () throws -> Result) async throws -> Result {
        try work()
    }

    private func takeTurn() async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let isOurs = await withTaskCancellationHandler {
            await withCheckedContinuation { turn in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.running < concurrency {
                        state.running += 1
                        return true
                    }
                    guard state.waiting.count < Self.waitingLimit else { return false }
                    state.waiting.append((id, turn))
                    return nil
                }
                if let answer { turn.resume(returning: answer) }
            }
        } onCancel: {
            let turn = state.withLock { state in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).turn }
            }
            turn?.resume(returning: false)
        }
        if !isOurs { throw Problem.unavailable("Signing in") }
    }

    private func passOn() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            if state.waiting.isEmpty {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst().turn
        }
        next?.resume(returning: true)
    }
}

extension PasswordHasher {
    /// Half of the processors, so that signing in never stops the rest of the service.
    static var usualConcurrency: Int { max(1, ProcessInfo.processInfo.activeProcessorCount / 2) }
}
