import Bus
import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience
import ServiceHost

/// Webhooks that come in several pieces: each is put where the others are, for any process may get the next one, and the whole
/// is read one at a time, so that memory does not depend on how many come at once.
final class LargeWebhooks: Sendable {
    private let dataKeys: DataKeyStore
    private let reading = AsyncLock()

    init(dataKeys: DataKeyStore) { self.dataKeys = dataKeys }

    /// Puts a piece in its place, once however often it is delivered.
    ///
    /// Throws 413, or 503 where there is no room, or what came before is gone.
    func keep(
        _ piece: BodyPiece,
        _ bytes: [UInt8],
        of provider: String,
        longest: Int,
        _ owner: ClinicID,
        _ context: OperationContext
    ) async throws {
        let all = try await context.database.through(.lookup) { [now = context.now] tx in
            try WebhookBodyStore.inAll(at: now, in: tx)
        }
        let (id, now, dataKeys) = (context.requestID, context.now, dataKeys)
        try await context.database.transaction(for: Self.tenant(owner, provider)) { tx in
            let first = LargeWebhookRules.expiry(begunAt: now, isWhole: false, at: now)
            let isNew =
                try piece.number == 0
                && WebhookBodyStore.begin(id, of: provider, at: now, expiresAt: first, in: tx)
            if isNew {
                try Jobs.enqueue(ExpireWebhookJob.self, payload: .init(webhook: id), lane: .bulk, dueAt: first, in: tx)
            }
            guard let found = try WebhookBodyStore.lock(id, in: tx), piece.number <= found.pieces, found.expiresAt > now
            else {
                throw Problem.unavailable("What came of the webhook before")
            }
            guard piece.number == found.pieces else { return }
            try LargeWebhookRules.checkRoom(
                size: found.size + bytes.count,
                longest: longest,
                clinic: try WebhookBodyStore.holdRoom(of: owner, at: now, in: tx) + bytes.count,
                all: all + bytes.count
            )
            let until = LargeWebhookRules.expiry(begunAt: found.begunAt, isWhole: piece.isLast, at: now)
            let store = WebhookBodyStore(sealer: try dataKeys.sealer(for: owner, in: tx))
            try store.append(bytes, to: id, at: piece.number, expiresAt: until, in: tx)
        }
    }

    /// Has the body of the request read when it is its turn; what came of it is gone afterwards, whatever came out.
    ///
    /// Who gets no answer brings it again from the beginning.
    func read<R: Sendable>(
        of provider: String,
        _ owner: ClinicID,
        _ context: OperationContext,
        _ body: ([UInt8]) async throws -> R
    ) async throws -> R {
        try await reading.run { try await readWhole(of: provider, owner, context, body) }
    }

    private func readWhole<R: Sendable>(
        of provider: String,
        _ owner: ClinicID,
        _ context: OperationContext,
        _ body: ([UInt8]) async throws -> R
    ) async throws -> R {
        guard !context.deadline.hasPassed() else { throw Problem.unavailable("Time for a large webhook") }
        let (id, dataKeys, tenant) = (context.requestID, dataKeys, Self.tenant(owner, provider))
        let whole = try await context.database.transaction(for: tenant) { tx in
            try WebhookBodyStore(sealer: try dataKeys.sealer(for: owner, in: tx)).whole(id, in: tx)
        }
        guard let whole else { throw Problem.unavailable("What came of the webhook before") }
        let result: Result<R, any Error>
        do { result = .success(try await body(whole)) } catch { result = .failure(error) }
        try await context.database.transaction(for: tenant) { tx in WebhookBodyStore.delete(id, in: tx) }
        return try result.get()
    }

    private static func tenant(_ owner: ClinicID, _ provider: String) -> Tenant {
        Tenant(owner, toldBy: provider)
    }
}
