import Bus
import Core
import Redis
import Synchronization

/// Whose tests of providers are running: each may take as long as a call, and must not keep requests of others waiting.
///
/// A clinic has its turn with all processes together; while Redis is away, with each for itself.
final class ConfigurationTestTurns: Sendable {
    /// Of one clinic at once.
    static let mostOfClinic = 1
    /// Of all clinics together in one process: a small part of the requests that it serves at once.
    static let most = 16
    /// A turn that is never given back, as its process has ended, is over after this: longer than a test takes.
    static let longest: Duration = ConfigurationTester.callTime * 3

    private let redis: RedisClient
    private let keyspace: Keyspace
    private let patience: Duration
    /// Which requests' tests are.
    private let running = Mutex<[ClinicID: [String]]>([:])

    /// The test that is running is what the request asks for: another with its key has begun it.
    struct AlreadyRunning: Error {}

    /// - Parameter patience: how long an answer of Redis is waited for.
    init(redis: RedisClient, keyspace: Keyspace, patience: Duration = RateLimiter.patience) {
        self.redis = redis
        self.keyspace = keyspace
        self.patience = patience
    }

    /// Runs a clinic's test in its turn; throws 429 while as many are running as may be, `AlreadyRunning` while this one is.
    ///
    /// - Parameter request: the same for those that ask for one test, without a space.
    func run<R>(_ clinic: ClinicID, _ request: String, _ test: () async throws -> R) async throws -> R {
        try begin(clinic, request)
        defer { end(clinic, request) }
        let (key, turn) = (keyspace.turn("test:\(clinic)"), "\(request) \(RequestID())")
        guard await take(key, turn) else {
            throw await holder(of: key) == request ? AlreadyRunning() : Self.busy as any Error
        }
        let result: Result<R, any Error>
        do { result = .success(try await test()) } catch { result = .failure(error) }
        // Given back whatever has become of the request meanwhile.
        await Task { await giveBack(key, turn) }.value
        return try result.get()
    }

    /// Begins a clinic's test in this process, which `end` must follow; throws as `run` does.
    func begin(_ clinic: ClinicID, _ request: String) throws {
        let refusal = running.withLock { running -> (any Error)? in
            let own = running[clinic, default: []]
            if own.contains(request) { return AlreadyRunning() }
            let all = running.values.reduce(0) { $0 + $1.count }
            guard own.count < Self.mostOfClinic, all < Self.most else { return Self.busy }
            running[clinic] = own + [request]
            return nil
        }
        if let refusal { throw refusal }
    }

    func end(_ clinic: ClinicID, _ request: String) {
        running.withLock { running in
            let rest = running[clinic, default: []].filter { $0 != request }
            running[clinic] = rest.isEmpty ? nil : rest
        }
    }

    /// Whether no other process has the clinic's turn, as far as Redis says.
    private func take(_ key: String, _ turn: String) async -> Bool {
        let command: RedisCommand = [
            "SET", .text(key), .text(turn), "NX", "PX", .number(Int(Self.longest.milliseconds)),
        ]
        let reply = try? await withTimeLimit(patience) { [redis] in try await redis.send(command) }
        return reply?.isNull != true
    }

    /// The request whose test has the turn, as far as Redis says.
    private func holder(of key: String) async -> String? {
        let reply = try? await withTimeLimit(patience) { [redis] in try await redis.send(["GET", .text(key)]) }
        return reply?.string?.split(separator: " ").first.map(String.init)
    }

    private func giveBack(_ key: String, _ turn: String) async {
        _ = try? await withTimeLimit(patience) { [redis] in
            try await Self.giveBack.run(on: redis, keys: [key], arguments: [.text(turn)])
        }
    }

    /// Ends a turn that is still its holder's: KEYS turn; ARGV what it was taken with.
    private static let giveBack = RedisScript(
        """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
        return 0
        """
    )

    private static var busy: Problem {
        Problem(
            429,
            "rate_limited",
            "As many tests of providers are running as may run at once.",
            retryable: true,
            retryAfter: Int(ConfigurationTester.callTime.components.seconds)
        )
    }
}
