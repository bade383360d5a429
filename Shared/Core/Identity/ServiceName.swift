/// The four services behind the gateway; the raw value names schema, streams, product and metrics.
package enum ServiceName: String, Hashable, Sendable, Codable, CaseIterable {
    case access, communication, appointments, billing
}
