import Contracts
import Core
import Synchronization

/// Knows whose webhooks the services take, so that all others end before their bodies are passed on.
///
/// What a service has said to take is passed on for a while without asking. About anything else it is asked, once for all who
/// wait, and always after they came: what was configured before a webhook is never refused. Nothing is kept of what a service
/// does not take, and where it does not answer, webhooks are passed on: it verifies them anyway.
final class WebhookPairCache: Sendable {
    /// A provider of a clinic, or of the installation.
    struct Pair: Hashable, Sendable {
        let service: ServiceName
        let provider: String
        let owner: ClinicID
    }

    enum Verdict: Sendable {
        /// The service takes it, or nobody knows.
        case passedOn
        /// The service reads no webhooks of such a provider.
        case unreadable
        /// The clinic, or the installation, does not have the provider.
        case notConfigured
    }

    /// Pairs that are kept; then all are forgotten, and asked about again.
    static let mostKept = 100_000
    /// How long a pair is passed on without asking; what is no longer configured the service refuses itself.
    static let kept: Duration = .seconds(600)
    /// The rest between two questions to one service, so that no flood of webhooks is a flood of questions.
    static let rest: Duration = .milliseconds(50)
    /// Webhooks that wait for one service's answer; more are passed on.
    static let mostWaiting = 1_000

    private struct Waiter {
        let owner: ClinicID
        let continuation: CheckedContinuation<WebhookPairs?, Never>
    }

    private struct State {
        /// Until when each is passed on.
        var taken: [Pair: ContinuousClock.Instant] = [:]
        var waiting: [ServiceName: [Waiter]] = [:]
        /// Those somebody is at work for.
        var asked: Set<ServiceName> = []
    }

    private let state = Mutex(State())
    private let ask: @Sendable ([ClinicID], ServiceName) async throws -> WebhookPairs

    /// - Parameter ask: asks the service about so many owners; throws where it does not say.
    init(ask: @escaping @Sendable ([ClinicID], ServiceName) async throws -> WebhookPairs) { self.ask = ask }

    /// Webhooks that wait for an answer at present.
    var waiting: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }

    /// What is to become of a webhook that has just come.
    func verdict(on pair: Pair) async -> Verdict {
        let until = state.withLock { $0.taken[pair] }
        if let until, ContinuousClock.now < until { return .passedOn }
        guard let answer = await answer(about: pair.owner, from: pair.service) else { return .passedOn }
        guard answer.readable.contains(pair.provider) else { return .unreadable }
        // What nobody has written down may be anything.
        guard let providers = answer.owners.first(where: { $0.id == pair.owner })?.providers else { return .passedOn }
        guard providers.contains(pair.provider) else { return .notConfigured }
        keep(pair)
        return .passedOn
    }

    private func keep(_ pair: Pair) {
        state.withLock { state in
            if state.taken.count >= Self.mostKept { state.taken = [:] }
            state.taken[pair] = ContinuousClock.now + Self.kept
        }
    }

    /// The answer to a question that was put after this call; `nil` where there is none.
    private func answer(about owner: ClinicID, from service: ServiceName) async -> WebhookPairs? {
        await withCheckedContinuation { continuation in
            let (isFull, isFirst) = state.withLock { state in
                guard state.waiting[service, default: []].count < Self.mostWaiting else { return (true, false) }
                state.waiting[service, default: []].append(Waiter(owner: owner, continuation: continuation))
                return (false, state.asked.insert(service).inserted)
            }
            if isFull { continuation.resume(returning: nil) }
            // A task of its own: none of those who wait may cancel the question for the others.
            if isFirst { Task { await self.askUntilNobodyWaits(service) } }
        }
    }

    private func askUntilNobodyWaits(_ service: ServiceName) async {
        while let (owners, waiters) = next(service) {
            let answer = try? await ask(owners, service)
            // Nobody waits any longer for a service that does not answer.
            let ended = answer == nil ? waiters + takeAll(service) : waiters
            for waiter in ended { waiter.continuation.resume(returning: answer) }
            try? await Task.sleep(for: Self.rest)
        }
    }

    /// Those the next question is about, and who waits for it.
    private func next(_ service: ServiceName) -> (owners: [ClinicID], waiters: [Waiter])? {
        state.withLock { state in
            var owners: Set<ClinicID> = []
            var waiters: [Waiter] = []
            var others: [Waiter] = []
            for waiter in state.waiting[service] ?? [] {
                if owners.contains(waiter.owner) || owners.count < WebhookPairsQuery.largest {
                    owners.insert(waiter.owner)
                    waiters.append(waiter)
                } else {
                    others.append(waiter)
                }
            }
            state.waiting[service] = others
            if waiters.isEmpty { state.asked.remove(service) }
            return waiters.isEmpty ? nil : (owners.sorted(), waiters)
        }
    }

    private func takeAll(_ service: ServiceName) -> [Waiter] {
        state.withLock { state in
            defer { state.waiting[service] = [] }
            return state.waiting[service] ?? []
        }
    }
}
