import Contracts
import Core
import Synchronization
import TestKit
import Testing

@testable import Gateway

/// Who waits for which answer about webhooks.
@Suite(.timeLimit(.minutes(1))) struct WebhookPairCacheTests {
    /// A service that answers what was so when it was asked, once it is let.
    private final class Desk: Sendable {
        private struct State {
            var isOpen = true
            var isAway = false
            var questions: [[ClinicID]] = []
            var providers: [ClinicID: [String]?] = [:]
        }

        private let state = Mutex(State())

        var questions: [[ClinicID]] { state.withLock { $0.questions } }
        func open(_ isOpen: Bool) { state.withLock { $0.isOpen = isOpen } }
        func leave() { state.withLock { $0.isAway = true } }
        func configure(_ providers: [String]?, of owner: ClinicID) {
            state.withLock { $0.providers[owner] = .some(providers) }
        }

        func answer(_ owners: [ClinicID]) async throws -> WebhookPairs {
            let pairs = state.withLock { state in
                state.questions.append(owners)
                return WebhookPairs(
                    readable: ["known"],
                    owners: owners.map { .init(id: $0, providers: state.providers[$0] ?? []) }
                )
            }
            while !state.withLock({ $0.isOpen }) { await Task.yield() }
            if state.withLock({ $0.isAway }) { throw Problem.unavailable("The service") }
            return pairs
        }
    }

    private let desk = Desk()
    private let cache: WebhookPairCache

    init() {
        let desk = desk
        cache = WebhookPairCache { owners, _ in try await desk.answer(owners) }
    }

    private func verdict(_ owner: ClinicID, _ provider: String = "known") async -> WebhookPairCache.Verdict {
        await cache.verdict(on: .init(service: .communication, provider: provider, owner: owner))
    }

    @Test func whatIsTakenIsAskedAboutOnce() async {
        let (clinic, bare, unnamed) = (ClinicID(), ClinicID(), ClinicID())
        desk.configure(["known", "silent"], of: clinic)
        desk.configure(nil, of: unnamed)
        for _ in 0..<3 { #expect(await verdict(clinic) == .passedOn) }
        #expect(desk.questions == [[clinic]])
        for _ in 0..<2 { #expect(await verdict(bare) == .notConfigured) }
        #expect(await verdict(clinic, "silent") == .unreadable)
        #expect(await verdict(unnamed) == .passedOn)
        #expect(desk.questions == [[clinic], [bare], [bare], [clinic], [unnamed]])
    }

    /// An answer that was true before somebody came says nothing about them.
    @Test func aQuestionAnswersNobodyWhoComesLater() async throws {
        let clinic = ClinicID()
        desk.open(false)
        async let first = verdict(clinic)
        try await eventually("the question is put") { desk.questions.count == 1 }
        desk.configure(["known"], of: clinic)
        async let second = verdict(clinic)
        try await eventually("the second one waits") { cache.waiting == 1 }
        desk.open(true)
        #expect(await first == .notConfigured)
        #expect(await second == .passedOn)
        #expect(desk.questions == [[clinic], [clinic]])
    }

    @Test func manyAreFewQuestions() async throws {
        let owners = (0..<WebhookPairsQuery.largest + 50).map { _ in ClinicID() }
        for owner in owners { desk.configure(["known"], of: owner) }
        desk.open(false)
        async let first = verdict(ClinicID())
        try await eventually("the question is put") { desk.questions.count == 1 }
        async let all = withTaskGroup(of: WebhookPairCache.Verdict.self, returning: [WebhookPairCache.Verdict].self) {
            group in
            for owner in owners + owners { group.addTask { await verdict(owner) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        try await eventually("all wait") { cache.waiting == 2 * owners.count }
        desk.open(true)
        #expect(await first == .notConfigured)
        let verdicts = await all
        #expect(verdicts.allSatisfy { $0 == .passedOn } && verdicts.count == 2 * owners.count)
        #expect(desk.questions.map(\.count) == [1, WebhookPairsQuery.largest, 50])
        #expect(Set(desk.questions.joined()).isSuperset(of: owners))
    }

    /// Neither does the number of those who wait grow without bound, nor is anybody's webhook lost over it.
    @Test func whoFindsTooManyWaitingIsPassedOn() async throws {
        desk.open(false)
        async let first = verdict(ClinicID())
        try await eventually("the question is put") { desk.questions.count == 1 }
        async let all = withTaskGroup(of: WebhookPairCache.Verdict.self, returning: [WebhookPairCache.Verdict].self) {
            group in
            for _ in 0..<WebhookPairCache.mostWaiting { group.addTask { await verdict(ClinicID()) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        try await eventually("all wait") { cache.waiting == WebhookPairCache.mostWaiting }
        #expect(await verdict(ClinicID()) == .passedOn)
        // When the service turns out to be away, nobody waits for the next question.
        desk.leave()
        desk.open(true)
        #expect(await first == .passedOn)
        #expect(await all.allSatisfy { $0 == .passedOn })
        #expect(desk.questions.count == 1)
    }
}
