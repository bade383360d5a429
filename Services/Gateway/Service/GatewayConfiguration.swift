package import Bus
import Core
package import Settings
package import Redis
import Telemetry
import Vault

/// The gateway's settings.
///
/// Each may also be given as a file, `<KEY>_FILE`.
///
/// - `POLYCLINIC_PORT`: port of the public API, default 8080; 0 for one of the system's choice.
/// - `POLYCLINIC_HOST`: address to listen at, default `0.0.0.0`.
/// - `POLYCLINIC_HEALTH_PORT`: port of health and metrics, default any.
/// - `POLYCLINIC_HEALTH_HOST`: address they are told at, default `0.0.0.0`.
/// - `POLYCLINIC_PUBLIC_URL`: where clients find us; the issuer of access tokens.
/// - `REDIS_URL`, `REDIS_RPC_URL` (default the former), `POLYCLINIC_KEY_PREFIX` (default `pc`).
/// - `POLYCLINIC_KEYS_FILE`: the gateway's view of the key file.
/// - `POLYCLINIC_TRUSTED_PROXIES`: addresses and CIDR blocks whose `X-Forwarded-For` is believed, default none.
/// - `POLYCLINIC_CORS_ORIGINS`: origins whose pages may read replies, default none.
/// - `POLYCLINIC_RATE_LIMITS`: `off`, in development only, or `user=50/1,key=50/1,clinic=500/1,address=60/60,webhook=200/1`
///   (requests per seconds; what is left out keeps its default).
/// - `POLYCLINIC_MODE`: `development` or `production` (default).
/// - `POLYCLINIC_DRAIN_SECONDS`: how long a gateway that was told to stop still takes connections, default 5.
package struct GatewayConfiguration: Sendable {
    /// How long requests at work may take once no more are taken on.
    package static let finishesWithin: Duration = .seconds(25)

    package var host: String
    package var port: Int
    package var healthPort: Int
    package var healthHost: String
    package var publicURL: String
    package var redis: RedisEndpoint
    package var rpcRedis: RedisEndpoint
    package var keyspace: Keyspace
    package var keys: EdgeKeys
    package var proxies: TrustedProxies
    package var origins: Set<String>
    /// `nil` lifts them.
    package var rateLimits: RateLimits?
    package var drain: Duration
    package var limits = HTTPLimits()

    /// Throws `SettingsError` or `KeyFileError`, which name what is wrong and never show a secret.
    package init(_ settings: Settings) throws {
        host = try settings.string("POLYCLINIC_HOST", default: "0.0.0.0")
        port = try settings.port("POLYCLINIC_PORT") ?? 8_080
        healthPort = try settings.port("POLYCLINIC_HEALTH_PORT") ?? 0
        healthHost = try settings.string("POLYCLINIC_HEALTH_HOST", default: HealthServer.hostDefault)
        publicURL = try settings.string("POLYCLINIC_PUBLIC_URL", default: "http://localhost:\(port)")
        redis = try Self.redis(settings, "REDIS_URL", try settings.requiredSecret("REDIS_URL"))
        rpcRedis = try settings.secret("REDIS_RPC_URL").map { try Self.redis(settings, "REDIS_RPC_URL", $0) } ?? redis
        keyspace = Keyspace(prefix: try settings.string("POLYCLINIC_KEY_PREFIX", default: "pc"))
        keys = try KeyFile(json: Array(try settings.required("POLYCLINIC_KEYS").utf8)).gatewayEdges()
        do {
            proxies = try TrustedProxies(try settings.list("POLYCLINIC_TRUSTED_PROXIES"))
        } catch is TrustedProxies.MalformedNetwork {
            throw SettingsError("POLYCLINIC_TRUSTED_PROXIES", .unreadable("a list of addresses and CIDR blocks"))
        }
        origins = Set(try settings.list("POLYCLINIC_CORS_ORIGINS"))
        let mode = try settings.string("POLYCLINIC_MODE", default: "production")
        rateLimits = try Self.rateLimits(
            try settings.list("POLYCLINIC_RATE_LIMITS"),
            isDevelopment: mode == "development"
        )
        drain = .seconds(try settings.int("POLYCLINIC_DRAIN_SECONDS", default: 5, in: 0...300))
    }

    private static func redis(_ settings: Settings, _ key: String, _ url: Secret) throws -> RedisEndpoint {
        guard let endpoint = RedisEndpoint(url: url.unredacted) else {
            throw SettingsError(key, .unreadable("a redis:// or rediss:// URL"))
        }
        return endpoint
    }

    static func rateLimits(_ items: [String], isDevelopment: Bool) throws(SettingsError) -> RateLimits? {
        let key = "POLYCLINIC_RATE_LIMITS"
        if items == ["off"] {
            guard isDevelopment else {
                throw SettingsError(key, .unreadable("limits; off is for POLYCLINIC_MODE=development only"))
            }
            return nil
        }
        var limits = RateLimits()
        for item in items {
            let parts = item.split { $0 == "=" || $0 == "/" }.map(String.init)
            guard parts.count == 3, let quota = Int(parts[1]), let window = Int(parts[2]),
                RateLimits.Limit.quotas.contains(quota), RateLimits.Limit.windows.contains(window)
            else {
                let most = "\(RateLimits.Limit.quotas.upperBound)/\(RateLimits.Limit.windows.upperBound)"
                throw SettingsError(key, .unreadable("off or a list like user=50/1,clinic=500/1, each \(most) at most"))
            }
            let limit = RateLimits.Limit(quota: quota, window: window)
            switch parts[0] {
            case "user": limits.user = limit
            case "key": limits.key = limit
            case "clinic": limits.clinic = limit
            case "address": limits.address = limit
            case "webhook": limits.webhook = limit
            default: throw SettingsError(key, .unreadable("a list of user, key, clinic, address and webhook limits"))
            }
        }
        return limits
    }
}

extension KeyFile {
    /// The keys of the edges the gateway stands at: those of its view, or derived where it was given the whole file.
    fileprivate func gatewayEdges() throws(KeyFileError) -> EdgeKeys {
        if let edges, let currentEdgeKey {
            return EdgeKeys(edges: edges.mapValues { $0.mapValues(\.bytes) }, currentID: currentEdgeKey)
        }
        guard let current = currentID(of: .bus) else { throw KeyFileError("The key file has no keys of the bus.") }
        return EdgeKeys(ring: busKeys.map { ($0.id, $0.key.bytes) }, currentID: current, process: Edge.gateway)
    }
}
