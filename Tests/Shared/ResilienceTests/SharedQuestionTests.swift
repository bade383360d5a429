import Resilience
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct SharedQuestionTests {
    /// Questions that were put, and how many of them may be answered.
    private final class Questions: Sendable {
        private let state = Mutex((put: 0, answered: 0))
        /// Nobody knows the answer.
        let isAway: Bool

        init(isAway: Bool = false) { self.isAway = isAway }

        var put: Int { state.withLock { $0.put } }

        func answer(_ count: Int) { state.withLock { $0.answered += count } }

        @discardableResult
        func ask() async -> Bool {
            let number = state.withLock { state in
                state.put += 1
                return state.put
            }
            _ = try? await eventually("the answer") { state.withLock { $0.answered } >= number ? true : nil }
            return !isAway
        }
    }

    /// Whoever comes while a question is out is not content with its answer.
    @Test func aQuestionIsPutAfterThoseItIsFor() async throws {
        let questions = Questions()
        let shared = SharedQuestion(rest: .milliseconds(1), mostWaiting: 100)
        async let first = shared.answer { await questions.ask() }
        try await eventually("the first question") { questions.put == 1 ? true : nil }
        async let second = shared.answer { await questions.ask() }
        questions.answer(1)
        #expect(await first)
        questions.answer(1)
        #expect(await second)
        #expect(questions.put == 2)
    }

    @Test func oneIsForAllWhoWait() async throws {
        let questions = Questions()
        let shared = SharedQuestion(rest: .milliseconds(1), mostWaiting: 100)
        async let first = shared.answer { await questions.ask() }
        try await eventually("the first question") { questions.put == 1 ? true : nil }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 1...50 { group.addTask { await shared.answer { await questions.ask() } } }
            try await eventually("all wait") { shared.waiting == 50 ? true : nil }
            questions.answer(2)
            for try await isAnswered in group { #expect(isAnswered) }
        }
        #expect(await first)
        #expect(questions.put == 2)
    }

    /// Who would have waited for the next question is told at once that there is no answer.
    @Test func nobodyWaitsForWhoDoesNotAnswer() async throws {
        let questions = Questions(isAway: true)
        let shared = SharedQuestion(rest: .milliseconds(1), mostWaiting: 100)
        async let first = shared.answer { await questions.ask() }
        try await eventually("the first question") { questions.put == 1 ? true : nil }
        async let second = shared.answer { await questions.ask() }
        try await eventually("both wait") { shared.waiting == 1 ? true : nil }
        questions.answer(1)
        let answers = await [first, second]
        #expect(answers == [false, false] && questions.put == 1)
    }

    @Test func whoComesWhenTooManyWaitIsToldSo() async {
        let questions = Questions()
        let shared = SharedQuestion(rest: .milliseconds(1), mostWaiting: 0)
        let isAnswered = await shared.answer { await questions.ask() }
        #expect(!isAnswered)
        #expect(questions.put == 0)
    }
}
