import CommunicationAPI
import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience

/// Asks a provider what its messages cost, for all of an entry's at once, until all of them are known or too old.
struct CostsJob: JobHandler {
    struct Payload: Codable, Sendable {
        let entry: ProviderEntryID
        let channel: String
    }

    static let name = "messages.costs"
    static let retry = RetryPolicy(attempts: 20, base: .seconds(60), cap: .seconds(3_600), floor: .seconds(10))
    /// Prices come some minutes after a message.
    static let firstAsked: Duration = .seconds(3_600)
    static let askedAgain: Duration = .seconds(6 * 3_600)
    /// What has no price after that never gets one.
    static let givenUp: Duration = .seconds(3 * 86_400)
    static let messagesMax = 10_000
    static let pagesMax = 50
    static let callTime: Duration = .seconds(20)

    let parts: SendingParts

    /// Sees to it that an entry's provider is asked, where it is one that tells.
    static func wake(
        for entry: ProviderEntry,
        of providers: MessageProviders,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        guard providers.tellsCosts(entry) else { return }
        try Jobs.enqueue(
            Self.self,
            payload: Payload(entry: entry.id, channel: entry.channel),
            lane: .bulk,
            dueAt: now + firstAsked,
            unique: entry.id.description,
            in: tx
        )
    }

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let since = Instant.now() - Self.givenUp
        let unknown = try await job.database.read(for: job.tenant, lane: .background) { tx in
            try CostStore.unknown(of: payload.entry, since: since, limit: Self.messagesMax, in: tx)
        }
        let entry = try await parts.resolver.resolve(job.clinic, channel: payload.channel).entries
            .first { $0.id == payload.entry }
        guard let oldest = unknown.map(\.at).min(), let entry,
            let provider = parts.provider(for: entry) as? any CostTeller
        else { return try await job.finish() }
        let wanted = Set(unknown.map(\.providerMessageID))
        let costs = try await ask(provider, since: CalendarDate(daysSince1970: oldest.day), wanted)
        guard costs.count < wanted.count else {
            return try await job.finish { tx in CostStore.keep(costs, of: payload.entry, at: .now(), in: tx) }
        }
        try await job.again(at: .now() + Self.askedAgain) { tx in
            CostStore.keep(costs, of: payload.entry, at: .now(), in: tx)
        }
    }

    private func ask(
        _ provider: any CostTeller,
        since day: CalendarDate,
        _ wanted: Set<String>
    ) async throws -> [String: MessageCost] {
        var found: [String: MessageCost] = [:]
        var next: String?
        for _ in 0..<Self.pagesMax {
            let page = try await provider.costs(since: day, page: next, deadline: .after(Self.callTime))
            found.merge(page.costs.filter { wanted.contains($0.key) }) { first, _ in first }
            next = page.next
            if next == nil || found.count == wanted.count { break }
        }
        return found
    }
}

extension Instant {
    /// The day in UTC, counted from 1970.
    fileprivate var day: Int { Int(seconds / 86_400) }
}
