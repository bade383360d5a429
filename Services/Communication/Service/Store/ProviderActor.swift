import Core
import Postgres

/// How tables and the trail name a provider that has told us something.
enum ProviderActor {
    private static let prefix = "provider:"

    /// - Parameter provider: its name in configurations, like `aws_ses`.
    static func name(_ provider: String) -> String { prefix + provider }

    /// Whether a note of who did something names a provider.
    static func isOne(_ text: String) -> Bool { text.hasPrefix(prefix) }
}

extension Tenant {
    /// For what a provider has told of a clinic's.
    init(_ clinic: ClinicID, toldBy provider: String) { self.init(clinic, actor: ProviderActor.name(provider)) }
}
