import Bus
import Core
import Redis

/// The gateways that are alive, and how far each is with policy.
struct Gateways: Sendable {
    /// After so long a gateway that did not say it knows decides for nobody: its policy is too old.
    static let patience: Duration = .seconds(2)
    static let pause: Duration = .milliseconds(50)

    /// The versions that the live gateways say they hold; `nil` when they cannot be asked.
    let versions: @Sendable () async -> [Int64]?

    init(versions: @escaping @Sendable () async -> [Int64]?) { self.versions = versions }

    init(redis: RedisClient, keyspace: Keyspace) {
        self.init {
            let live = try? await ProcessRegistry.live(redis: redis, keyspace: keyspace)
            return live?.filter { $0.process == Edge.gateway }.map { $0.policyVersion ?? 0 }
        }
    }

    /// Returns when every live gateway holds that version, or the patience is over.
    func wait(for version: Int64, patience: Duration = Self.patience) async {
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end, !Task.isCancelled {
            if let versions = await versions(), versions.allSatisfy({ $0 >= version }) { return }
            try? await Task.sleep(for: Self.pause)
        }
    }
}
