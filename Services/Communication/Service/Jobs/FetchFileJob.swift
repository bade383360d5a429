import CommunicationAPI
import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience

/// Fetches a file that came with a message from the provider that holds it, ever more rarely, for a day.
struct FetchFileJob: JobHandler {
    struct Payload: Codable, Sendable {
        let message: InboundMessageID
        let place: Int
    }

    static let name = "conversations.fetch_file"
    /// One try takes no longer.
    static let callTime: Duration = .seconds(30)
    /// How long a provider is asked for it; Meta keeps files for days, Twilio until somebody deletes them.
    static let patience = DoublingWait(first: .seconds(10), longest: .seconds(24 * 3_600))

    let keepers: [String: any MediaKeeper]
    let store: ProviderConfigStore
    let dataKeys: DataKeyStore

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let found = try await job.database.together(for: job.tenant) { [store, dataKeys] tx in
            let sealer = try dataKeys.sealer(for: job.clinic, in: tx)
            guard
                let pending = try InboundFileStore.pending(payload.message, payload.place, with: sealer, in: tx)
            else { return nil as (PendingFile, [ProviderEntry])? }
            return (pending, try Self.entries(of: job.clinic, for: pending, store, in: tx))
        }
        guard let (pending, own) = found else { return try await job.finish() }
        var entries = own.filter { $0.id == pending.entry }
        if entries.isEmpty { entries = try await shared(pending, job) }
        // Another entry of the provider's may stand for the same account.
        if entries.isEmpty { entries = Array(own.prefix(1)) }
        let result = await fetch(pending.media, by: entries, job)
        let now = Instant.now()
        switch result {
        case .kept(let bytes, let type):
            try await job.finish { [dataKeys] tx in
                let sealer = try dataKeys.sealer(for: job.clinic, in: tx)
                try InboundFileStore.keep(
                    bytes,
                    type,
                    of: payload.message,
                    payload.place,
                    with: sealer,
                    at: now,
                    in: tx
                )
            }
        case .refused(let reason):
            try await job.finish { tx in
                InboundFileStore.end(payload.message, payload.place, as: .refused, because: reason, at: now, in: tx)
            }
        case .later:
            if let next = Self.patience.next(since: job.createdAt, at: now) {
                return try await job.again(at: next)
            }
            try await job.finish { tx in
                InboundFileStore.end(payload.message, payload.place, as: .lost, because: "unreachable", at: now, in: tx)
            }
        }
    }

    /// The installation's own entry, where it came by that.
    private func shared(_ pending: PendingFile, _ job: JobContext) async throws -> [ProviderEntry] {
        let tenant = Tenant(.installation, actor: "system:\(Self.name)")
        return try await job.database.together(for: tenant) { [store] tx in
            try Self.entries(of: .installation, for: pending, store, in: tx).filter { $0.id == pending.entry }
        }
    }

    /// The entries that may stand for the account it came by, former ones last: what they brought in can still be fetched.
    private static func entries(
        of owner: ClinicID,
        for pending: PendingFile,
        _ store: ProviderConfigStore,
        in tx: borrowing Transaction
    ) throws -> [ProviderEntry] {
        let found = try store.webhookEntries(owner, at: .now(), in: tx)
        return (found.present + found.former).filter { $0.provider == pending.provider }
    }

    /// Asks one entry after the other until one has it: the account that it came by may have been replaced since.
    private func fetch(
        _ media: InboundText.Media,
        by entries: [ProviderEntry],
        _ job: JobContext
    ) async -> FetchedFile {
        var result: FetchedFile?
        for entry in entries {
            guard let keeper = keepers[entry.provider] else { continue }
            let deadline = Deadline.after(min(Self.callTime, job.lease.remaining))
            let fetched = await keeper.fetch(media, for: entry, deadline: deadline)
            if case .kept = fetched { return fetched }
            // Who may have it later is asked again, whatever the others say.
            if case .later = result { continue }
            result = fetched
        }
        return result ?? .refused("no_provider")
    }
}
