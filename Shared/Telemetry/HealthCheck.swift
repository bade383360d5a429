/// A dependency without which this process is of no use.
package struct HealthCheck: Sendable {
    package enum Status: Sendable, Equatable {
        case up
        /// Something is wrong that others could not do better: it is named, and the process stays ready.
        case impaired(String)
        /// The reason is a word of ours: no address, no server's text.
        case down(String)
    }

    package let name: String
    package let status: @Sendable () async -> Status

    package init(_ name: String, _ status: @escaping @Sendable () async -> Status) {
        self.name = name
        self.status = status
    }

    /// A check that is up while the closure says so.
    package init(_ name: String, isUp: @escaping @Sendable () async -> Bool) {
        self.init(name) { await isUp() ? .up : .down("unavailable") }
    }
}
