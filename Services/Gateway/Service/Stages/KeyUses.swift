import Authorization
import Core
import ServiceLifecycle
import Synchronization

/// Remembers when API keys were used and tells access now and then: what keys are used for must not cost a write each.
final class KeyUses: Service {
    /// How often access is told.
    static let period: Duration = .seconds(60)

    private let uses = Mutex<[APIKeyID: Instant]>([:])
    private let send: @Sendable (KeyUseReport) async throws -> Void

    /// `send` returns once access has taken the report.
    init(send: @escaping @Sendable (KeyUseReport) async throws -> Void) { self.send = send }

    func note(_ key: APIKeyID, at now: Instant) { uses.withLock { $0[key] = now } }

    /// Tells access until shutdown, and then once more.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.period)
                await self.flush()
            }
        }
        await flush()
    }

    /// Tells what is not told yet; what cannot be told waits for the next time.
    func flush() async {
        let due = uses.withLock { uses in
            defer { uses = [:] }
            return uses.map { KeyUseReport.Use(key: $0.key, at: $0.value) }
        }
        for start in stride(from: 0, to: due.count, by: KeyUseReport.largest) {
            let part = Array(due[start..<min(start + KeyUseReport.largest, due.count)])
            do {
                try await send(KeyUseReport(uses: part))
            } catch {
                uses.withLock { uses in for use in part { uses[use.key] = max(uses[use.key] ?? use.at, use.at) } }
            }
        }
    }
}
