import Resilience
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct SharedQuestionTests {
    /// Questions that were put, and how many of them may be answered.
    private final class Questions: Sendable {
        private let state = Mutex((put: 0, answered: 0))

        var put: Int { state.withLock { $0.put } }

        func answer(_ count: Int) { state.withLock { $0.answered += count } }

        func ask() async {
            let number = state.withLock { state in
                state.put += 1
                return state.put
            }
            _ = try? await eventually("the answer") { state.withLock { $0.answered } >= number ? true : nil }
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
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 1...50 { group.addTask { await shared.answer { await questions.ask() } } }
            questions.answer(50)
            for try await isAnswered in group { #expect(isAnswered) }
        }
        #expect((1...50).contains(questions.put))
    }

    @Test func whoComesWhenTooManyWaitIsToldSo() async {
        let questions = Questions()
        let shared = SharedQuestion(rest: .milliseconds(1), mostWaiting: 0)
        let isAnswered = await shared.answer { await questions.ask() }
        #expect(!isAnswered)
        #expect(questions.put == 0)
    }
}
