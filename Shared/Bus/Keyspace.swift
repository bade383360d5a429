package import Core

/// Every key of the suite in Redis.
///
/// Keys that one command touches together share a hash tag.
package struct Keyspace: Hashable, Sendable {
    package let prefix: String

    /// The prefix separates installations, and tests, that share a server.
    package init(prefix: String = "pc") { self.prefix = prefix }

    /// Stream of sealed requests to a service; one group, named as the service.
    package func requests(_ service: ServiceName) -> String { "\(prefix):{rpc:\(service.rawValue)}:requests" }

    /// Stream of sealed replies of a service to one instance of a process.
    package func replies(_ service: ServiceName, process: String, instance: String) -> String {
        "\(prefix):{rpc:\(service.rawValue)}:replies:\(process):\(instance)"
    }

    /// Requests that did not open, kept for inspection.
    package func requestQuarantine(_ service: ServiceName) -> String {
        "\(prefix):{rpc:\(service.rawValue)}:quarantine"
    }

    /// Stream of a service's sealed events.
    package func events(_ topic: ServiceName) -> String { "\(prefix):{events:\(topic.rawValue)}:stream" }

    /// Events that did not open, kept for inspection.
    package func eventQuarantine(_ topic: ServiceName) -> String { "\(prefix):{events:\(topic.rawValue)}:quarantine" }

    /// Stream of news for every process.
    package func broadcast(_ topic: String) -> String { "\(prefix):{broadcast:\(topic)}:stream" }

    /// The epoch of a schema: a copy of what its database holds.
    package func epoch(_ schema: String) -> String { "\(prefix):{epoch:\(schema)}" }

    /// How far a schema's database has come: a copy of what it holds.
    package func beat(_ schema: String) -> String { "\(prefix):{beat:\(schema)}" }

    /// The report of a live process; expires when it no longer reports.
    package func process(_ instance: String) -> String { "\(prefix):{processes}:\(instance)" }

    /// The instances that reported lately, by time.
    package var processes: String { "\(prefix):{processes}" }

    /// A token bucket.
    package func rateLimit(_ name: String) -> String { "\(prefix):{limit:\(name)}" }

    /// What one process at a time may do.
    package func turn(_ name: String) -> String { "\(prefix):{turn:\(name)}" }
}
