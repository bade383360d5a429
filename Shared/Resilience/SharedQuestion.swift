import Synchronization

/// Asks once for all who wait, always after they came, and rests between two questions.
///
/// Who must not be refused because of an answer of before they came waits here; however many they are, they are no flood of
/// questions.
package final class SharedQuestion: Sendable {
    private struct State {
        var waiting: [CheckedContinuation<Bool, Never>] = []
        /// Somebody is at work for those who wait, or rests.
        var isAsked = false
    }

    private let rest: Duration
    private let mostWaiting: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - rest: the least time between an answer and the next question.
    ///   - mostWaiting: who comes when so many wait gets no answer.
    package init(rest: Duration, mostWaiting: Int) {
        self.rest = rest
        self.mostWaiting = mostWaiting
    }

    /// Those who wait for the next question.
    package var waiting: Int { state.withLock { $0.waiting.count } }

    /// Returns once a question is answered that was put after this call; `false` where there is no answer, or too many wait
    /// already.
    ///
    /// Where one question is not answered, nobody waits for another.
    ///
    /// - Parameter ask: puts the question, the same one whoever calls; `false` where there is no answer.
    @discardableResult
    package func answer(by ask: @escaping @Sendable () async -> Bool) async -> Bool {
        await withCheckedContinuation { continuation in
            let (isFull, isFirst) = state.withLock { state in
                guard state.waiting.count < mostWaiting else { return (true, false) }
                state.waiting.append(continuation)
                defer { state.isAsked = true }
                return (false, !state.isAsked)
            }
            if isFull { continuation.resume(returning: false) }
            // A task of its own: none of those who wait may cancel the question for the others.
            if isFirst { Task { await self.askUntilNobodyWaits(ask) } }
        }
    }

    private func askUntilNobodyWaits(_ ask: @Sendable () async -> Bool) async {
        while let waiters = next() {
            let isAnswered = await ask()
            let ended = isAnswered ? waiters : waiters + takeAll()
            for waiter in ended { waiter.resume(returning: isAnswered) }
            try? await Task.sleep(for: rest)
        }
    }

    private func takeAll() -> [CheckedContinuation<Bool, Never>] {
        state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }

    /// Those the next question is put for; `nil` when there are none.
    private func next() -> [CheckedContinuation<Bool, Never>]? {
        state.withLock { state in
            let waiters = state.waiting
            state.waiting = []
            if waiters.isEmpty { state.isAsked = false }
            return waiters.isEmpty ? nil : waiters
        }
    }
}
