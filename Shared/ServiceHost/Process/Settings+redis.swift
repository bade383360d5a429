package import Redis
package import Settings

extension Settings {
    /// The Redis a setting names: `redis[s]://[user:password@]host[:port][/database]`.
    package func redis(_ key: String) throws(SettingsError) -> RedisEndpoint {
        guard let endpoint = RedisEndpoint(url: try required(key)) else {
            throw SettingsError(key, .unreadable("redis://host:port/database"))
        }
        return endpoint
    }
}
