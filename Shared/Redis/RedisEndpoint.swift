package import Core
import FoundationEssentials

/// Where a Redis is and how to enter it.
///
/// Read from `redis://[user][:password]@host[:port][/database]`, or `rediss://…`,
/// where `?ca=<file>` names the authorities to trust instead of the system's.
package struct RedisEndpoint: Sendable, Equatable {
    package static let defaultPort = 6379

    package let host: String
    package let port: Int
    package let database: Int
    package let user: String?
    package let password: Secret?
    package let usesTLS: Bool
    /// A PEM file of certificate authorities; the system's when `nil`.
    package let trustRoots: String?

    package init(
        host: String,
        port: Int = RedisEndpoint.defaultPort,
        database: Int = 0,
        user: String? = nil,
        password: Secret? = nil,
        usesTLS: Bool = false,
        trustRoots: String? = nil
    ) {
        self.host = host
        self.port = port
        self.database = database
        self.user = user
        self.password = password
        self.usesTLS = usesTLS
        self.trustRoots = trustRoots
    }

    /// Reads a URL; `nil` unless it names a host and nothing that is not understood.
    package init?(url text: String) {
        guard let parts = URLComponents(string: text), parts.scheme == "redis" || parts.scheme == "rediss",
            let host = parts.host, !host.isEmpty, parts.fragment == nil
        else { return nil }
        let options = parts.queryItems ?? []
        guard options.allSatisfy({ $0.name == "ca" && $0.value != nil }), options.count <= 1,
            options.isEmpty || parts.scheme == "rediss"
        else { return nil }
        let path = parts.path.drop { $0 == "/" }
        guard let database = path.isEmpty ? 0 : Int(path), (0..<1_024).contains(database) else { return nil }
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        self.init(
            host: bare,
            port: parts.port ?? Self.defaultPort,
            database: database,
            user: parts.user.flatMap { $0.isEmpty ? nil : $0 },
            password: parts.password.flatMap { $0.isEmpty ? nil : Secret($0) },
            usesTLS: parts.scheme == "rediss",
            trustRoots: options.first?.value
        )
    }
}
