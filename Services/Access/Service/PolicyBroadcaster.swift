import Authorization
import Bus
import Contracts
import Core
import Logging
import Postgres
import ServiceHost
import ServiceLifecycle
import Telemetry

/// Tells every process, twice a second, the latest committed version of policy and the keys that tokens are signed with.
struct PolicyBroadcaster: Service {
    private let database: Database
    private let publisher: BroadcastPublisher
    private let keyIDs: [String]
    private let log: Logger

    init(_ host: HostResources, keys: [VerificationKey]) {
        keyIDs = keys.map(\.kid)
        database = host.database
        publisher = BroadcastPublisher(
            redis: host.redis,
            keyspace: host.keyspace,
            keys: host.edgeKeys,
            process: AccessService.name.rawValue
        )
        log = host.log
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await tell()
                try? await Task.sleep(for: PolicyNews.period)
            }
        }
    }

    /// A version that cannot be read or told is not told: the others notice within two seconds and allow nothing.
    private func tell() async {
        do {
            // The moment before the reading: what is told is at least as old as it says.
            let news = PolicyNews(at: .now(), keyIDs: keyIDs)
            let version = try await database.through(.installation) { tx in try PolicyVersionStore.current(in: tx) }
            try await publisher.publish(try JSONWriter.encode(news), version: version, to: "access")
        } catch {
            log.warning("policy version not told", metadata: .fields([.errorType: "\(type(of: error))"]))
        }
    }
}
