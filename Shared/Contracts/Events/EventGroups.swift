package import Core

/// Who listens to whom: the declared consumer groups of every topic.
///
/// Nothing is trimmed while one of them is missing.
package enum EventGroups {
    /// Topic to the names of its groups, each the name of the service that consumes.
    package static let all: [ServiceName: [String]] = [
        .access: names(.communication, .appointments, .billing),
        .communication: names(.appointments),
        .appointments: names(.access, .communication, .billing),
        .billing: names(.communication),
    ]

    private static func names(_ services: ServiceName...) -> [String] { services.map(\.rawValue) }
}
