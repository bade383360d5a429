package import Contracts
package import Core

/// One provider in a channel's chain, with the credentials to use it.
///
/// Printing it shows no secret.
package struct ProviderEntry: Sendable, Equatable {
    package let id: ProviderEntryID
    /// `email`, `sms`, `whatsapp`, `push`, `payments`, `video`.
    package var channel: String
    package var provider: String
    /// 0 is the primary, the fallbacks follow.
    package var position: Int
    package var credentials: Credentials
    /// The configuration's version in which this entry changed last.
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String
    /// Differs between credentials and tells nothing about them; circuits are kept per fingerprint.
    package var fingerprint: String
    /// Webhook secrets of before, each valid until its instant.
    package var formerSecrets: [FormerSecret]
    /// It stands in the installation's configuration, not in a clinic's own.
    package var isDefault: Bool

    package init(
        id: ProviderEntryID,
        channel: String,
        provider: String,
        position: Int,
        credentials: Credentials,
        version: Int64,
        updatedAt: Instant,
        updatedBy: String,
        fingerprint: String,
        formerSecrets: [FormerSecret],
        isDefault: Bool = false
    ) {
        self.id = id
        self.channel = channel
        self.provider = provider
        self.position = position
        self.credentials = credentials
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
        self.fingerprint = fingerprint
        self.formerSecrets = formerSecrets
        self.isDefault = isDefault
    }

    package struct FormerSecret: Sendable, Equatable {
        package let secret: Secret
        package let until: Instant
    }

    /// Former secrets that an entry keeps: a webhook that nobody has signed is tried with each of them.
    static let mostFormerSecrets = 4

    /// The newest of former secrets, each once, the oldest first.
    ///
    /// - Parameter current: secrets that are in force, and so are no former ones.
    static func newest(_ former: [FormerSecret], beside current: Set<String>) -> [FormerSecret] {
        var known = current
        var kept: [FormerSecret] = []
        for secret in former.sorted(by: { $0.until < $1.until }).reversed() where kept.count < mostFormerSecrets {
            if known.insert(secret.secret.unredacted).inserted { kept.append(secret) }
        }
        return kept.reversed()
    }

    /// The secrets that a webhook's signature may be made with now, or the public keys it may be verified with.
    ///
    /// - Parameter key: under which the provider's shape has them.
    package func webhookSecrets(_ key: String, at now: Instant) -> [Secret] {
        let current = credentials.texts(key).map { Secret($0) }
        return current + formerSecrets.filter { $0.until > now }.map(\.secret)
    }
}

/// A clinic's providers in one service, at one version.
package struct ProviderConfiguration: Sendable {
    package let clinic: ClinicID
    package let version: Int64
    package let updatedAt: Instant
    package let updatedBy: String
    /// By channel, then position.
    package var entries: [ProviderEntry]
    /// What else the service configures, not secret.
    package var settings: [String: JSONValue]
    /// It is what a deletion has left: nothing is in force.
    package var isDeleted = false
    /// Entries in force no more whose webhooks may still come, the latest first; for nothing else.
    package var formerEntries: [FormerEntry] = []

    /// Whether the installation's default may stand in for channels that have no providers here; unless said otherwise it may.
    package var allowsDefault: Bool { settings[Self.allowDefaultKey] != .bool(false) }
    package static let allowDefaultKey = "allowDefault"

    /// The chain of a channel, primary first.
    package func entries(of channel: String) -> [ProviderEntry] {
        entries.filter { $0.channel == channel }.sorted { $0.position < $1.position }
    }

    /// The names of the providers, by channel and in order.
    package var providerNames: [String: [String]] {
        Dictionary(grouping: entries.sorted { $0.position < $1.position }, by: \.channel).mapValues {
            $0.map(\.provider)
        }
    }

    /// The names of former entries' providers, each until when webhooks of it are taken.
    var formerProviders: [String: Instant] {
        Dictionary(formerEntries.map { ($0.entry.provider, $0.until) }, uniquingKeysWith: max)
    }

    /// The former entries whose webhooks are still taken.
    package func formerEntries(at now: Instant) -> [ProviderEntry] {
        formerEntries.filter { $0.until > now }.map(\.entry)
    }
}

/// An entry as somebody asked for it, before it is checked and given its id.
package struct ProviderEntryDraft: Sendable {
    package var id: ProviderEntryID?
    package var channel: String
    package var provider: String
    package var position: Int
    package var credentials: Credentials
    /// Where it stands in the request, for faults: `/email/primary`.
    package var pointer: String

    package init(
        id: ProviderEntryID?,
        channel: String,
        provider: String,
        position: Int,
        credentials: [String: JSONValue],
        pointer: String
    ) {
        self.id = id
        self.channel = channel
        self.provider = provider
        self.position = position
        self.credentials = Credentials(credentials)
        self.pointer = pointer
    }
}
