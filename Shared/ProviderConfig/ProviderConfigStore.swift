package import Contracts
package import Core
package import Postgres
package import Vault

/// A service's provider configurations in its schema: sealed, every version kept.
package struct ProviderConfigStore: Sendable {
    static let purpose = "provider configuration"

    /// The providers that can be configured.
    package let shapes: CredentialShapes
    private let dataKeys: DataKeyStore
    private let index: BlindIndex

    package init(dataKeys: DataKeyStore, index: BlindIndex, shapes: CredentialShapes) {
        self.dataKeys = dataKeys
        self.index = index
        self.shapes = shapes
    }

    /// The configuration in force; `nil` before the first one and after a deletion.
    package func load(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> ProviderConfiguration? {
        try present(clinic, in: tx).configuration
    }

    /// The configuration in force and the version that made it so: 0 before the first, a deletion's own after one.
    func present(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> PresentConfiguration {
        guard let row = try latestRow(clinic, in: tx) else {
            return PresentConfiguration(version: 0, configuration: nil)
        }
        if try row[4] { return PresentConfiguration(version: try row[0], configuration: nil) }
        let configuration = try configuration(clinic, row, dataKeys.sealer(for: clinic, in: tx))
        return PresentConfiguration(version: configuration.version, configuration: configuration)
    }

    /// The latest version, a deletion's too, which has nothing but former entries; `nil` before the first.
    package func latest(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> ProviderConfiguration? {
        guard let row = try latestRow(clinic, in: tx) else { return nil }
        var latest = try configuration(clinic, row, dataKeys.sealer(for: clinic, in: tx))
        latest.isDeleted = try row[4]
        return latest
    }

    /// The entries whose webhooks are taken now, after a deletion too.
    package func webhookEntries(
        _ clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> WebhookEntries {
        let latest = try latest(clinic, in: tx)
        return WebhookEntries(present: latest?.entries ?? [], former: latest?.formerEntries(at: now) ?? [])
    }

    private func latestRow(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> Row? {
        try tx.rows(
            """
            select v.version, v.sealed, v.updated_at, v.updated_by, c.is_deleted
            from provider_configs c join provider_config_versions v using (clinic_id, version)
            where c.clinic_id = \(clinic)
            """
        ).first
    }

    /// The versions in force for a clinic: its own configuration's, and the installation's.
    package func currentVersions(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> CurrentVersions {
        var current = CurrentVersions(clinic: clinic)
        let rows = try tx.rows(
            "select clinic_id, version from provider_configs where clinic_id = any (\([clinic, .installation]))"
        )
        for row in rows {
            let owner: ClinicID = try row[0]
            if owner == clinic { current.own = try row[1] } else { current.installation = try row[1] }
        }
        return current
    }

    /// Names of the installation's default providers, by channel; readable for every clinic.
    package func defaultProviders(in tx: borrowing Transaction) throws -> [String: [String]] {
        let rows = try tx.rows(
            "select providers from provider_configs where clinic_id = \(ClinicID.installation) and not is_deleted"
        )
        guard let row = rows.first else { return [:] }
        let names: JSONColumn = try row[0]
        return try JSONTape(names.json).decode([String: [String]].self)
    }

    /// The names of the providers that each of these has in force or had until a while ago, of all channels: none where nothing
    /// is configured, absent where a configuration is there whose row, as those from before names were kept, says none.
    ///
    /// For transactions through the relay's door, which sees every clinic's.
    package static func webhookProviders(
        of owners: [ClinicID],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [WebhookPairs.Owner] {
        let rows = try tx.rows(
            """
            select clinic_id, is_deleted, providers, former_providers from provider_configs
            where clinic_id = any (\(owners))
            """
        )
        var found = Dictionary(owners.map { ($0, WebhookPairs.Owner(id: $0, providers: [])) }) { first, _ in first }
        for row in rows {
            let (isDeleted, present, former): (Bool, JSONColumn, JSONColumn) = (try row[1], try row[2], try row[3])
            let byChannel = try JSONTape(present.json).decode([String: [String]].self)
            let until = try JSONTape(former.json).decode([String: Instant].self)
            let names = Set(until.filter { $0.value > now }.keys).union(byChannel.values.joined())
            found[try row[0]]?.providers = !isDeleted && byChannel.isEmpty ? nil : names.sorted()
        }
        return Array(found.values)
    }

    /// An earlier version: a payment is captured with the account that made it.
    package func load(
        _ clinic: ClinicID,
        version: Int64,
        in tx: borrowing Transaction
    ) throws -> ProviderConfiguration? {
        let rows = try tx.rows(
            """
            select version, sealed, updated_at, updated_by from provider_config_versions
            where clinic_id = \(clinic) and version = \(version)
            """
        )
        return try rows.first.map { try configuration(clinic, $0, dataKeys.sealer(for: clinic, in: tx)) }
    }

    /// The versions there are, without contents.
    ///
    /// - Parameters:
    ///   - isOldestFirst: else the newest come first.
    ///   - last: only those behind this one.
    package func versions(
        _ clinic: ClinicID,
        isOldestFirst: Bool = false,
        behind last: Int64? = nil,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [(version: Int64, updatedAt: Instant, updatedBy: String)] {
        var query: Query =
            "select version, updated_at, updated_by from provider_config_versions where clinic_id = \(clinic)"
        if let last { query += isOldestFirst ? " and version > \(last)" : " and version < \(last)" }
        query += isOldestFirst ? " order by version limit \(limit)" : " order by version desc limit \(limit)"
        return try tx.rows(query).map { (try $0[0], try $0[1], try $0[2]) }
    }

    /// Takes the clinic's configuration for this transaction alone and returns its last version, 0 before the first.
    package func lock(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> Int64 {
        // Two statements: the second one's snapshot must be taken once the lock is held.
        tx.execute("select pg_advisory_xact_lock(hashtextextended(\("provider_configs \(clinic)"), 0))")
        let rows = try tx.rows("select version from provider_configs where clinic_id = \(clinic)")
        return try rows.first.map { row in try row[0] } ?? 0
    }

    /// Stores the next version, in force with this transaction.
    ///
    /// Throws 422 for drafts that cannot be.
    ///
    /// The caller has checked the version it replaces; `stored` is what `load` gave in this transaction.
    ///
    /// - Parameters:
    ///   - kept: entries that stay as they are stored, whatever is asked of drafts by now.
    ///   - found: what is known to be wrong with the request; it is told with all else.
    ///   - rules: what entries are held against beyond the shapes of their credentials.
    package func save(
        _ drafts: [ProviderEntryDraft],
        keeping kept: [ProviderEntry] = [],
        settings: [String: JSONValue],
        replacing stored: ProviderConfiguration?,
        clinic: ClinicID,
        by actor: String,
        at now: Instant,
        beside found: [Problem.Fault] = [],
        rules: @escaping ProviderConfigDraft.Rules = { _ in [] },
        in tx: borrowing Transaction
    ) throws -> ProviderConfiguration {
        let version = try lock(clinic, in: tx) + 1
        let entries = try ProviderConfigDraft(drafts, of: shapes, rules: rules).entries(
            replacing: stored?.entries ?? [],
            version: version,
            by: actor,
            at: now,
            beside: found
        ) { fingerprint(of: $0, clinic) }
        return try write(
            try succession(of: stored, by: entries + kept, clinic, at: now, in: tx),
            settings: settings,
            of: clinic,
            version: version,
            by: actor,
            at: now,
            in: tx
        )
    }

    /// The entries that drafts would become, without storing anything; throws what `save` throws.
    package func candidates(
        _ drafts: [ProviderEntryDraft],
        replacing stored: ProviderConfiguration?,
        clinic: ClinicID,
        by actor: String,
        at now: Instant,
        rules: @escaping ProviderConfigDraft.Rules = { _ in [] }
    ) throws(Problem) -> [ProviderEntry] {
        try ProviderConfigDraft(drafts, of: shapes, rules: rules).entries(
            replacing: stored?.entries ?? [],
            version: 0,
            by: actor,
            at: now
        ) { fingerprint(of: $0, clinic) }
    }

    /// Makes an earlier version's contents the next version; webhook secrets that are in force now, and webhooks of entries that
    /// are, stay valid for a day.
    ///
    /// - Parameter stored: what `load` gave in this transaction.
    package func restore(
        _ earlier: ProviderConfiguration,
        replacing stored: ProviderConfiguration?,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> ProviderConfiguration {
        let version = try lock(earlier.clinic, in: tx) + 1
        let entries = earlier.entries.map { entry in
            var entry = entry
            if let present = stored?.entries.first(where: { $0.id == entry.id }) {
                if present.provider == entry.provider, present.credentials == entry.credentials {
                    entry.formerSecrets = present.formerSecrets
                    (entry.version, entry.updatedAt, entry.updatedBy) =
                        (present.version, present.updatedAt, present.updatedBy)
                    return entry
                }
                entry.formerSecrets = ProviderConfigDraft.former(
                    present,
                    replacedBy: entry.credentials,
                    of: shapes.shape(of: entry.provider, channel: entry.channel),
                    at: now
                )
            } else {
                entry.formerSecrets = []
            }
            (entry.version, entry.updatedAt, entry.updatedBy) = (version, now, actor)
            return entry
        }
        return try write(
            try succession(of: stored, by: entries, earlier.clinic, at: now, in: tx),
            settings: earlier.settings,
            of: earlier.clinic,
            version: version,
            by: actor,
            at: now,
            in: tx
        )
    }

    /// What is in force once `entries` are, and what webhooks are still taken for.
    ///
    /// - Parameter stored: what is in force now; nothing after a deletion, which has left former entries.
    private func succession(
        of stored: ProviderConfiguration?,
        by entries: [ProviderEntry],
        _ clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> EntrySuccession {
        var before = stored
        if stored == nil { before = try latest(clinic, in: tx) }
        return EntrySuccession(
            of: stored?.entries ?? [],
            beside: before?.formerEntries ?? [],
            by: entries,
            shapes: shapes,
            at: now
        )
    }

    private func write(
        _ succession: EntrySuccession,
        settings: [String: JSONValue],
        of clinic: ClinicID,
        version: Int64,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> ProviderConfiguration {
        let configuration = ProviderConfiguration(
            clinic: clinic,
            version: version,
            updatedAt: now,
            updatedBy: actor,
            entries: succession.entries,
            settings: settings,
            formerEntries: succession.former
        )
        try write(configuration, in: tx)
        return configuration
    }

    /// Forgets the former webhook secrets and the former entries at once, as the next version.
    ///
    /// - Parameter stored: what `latest` gave in this transaction.
    package func dropFormerSecrets(
        _ stored: ProviderConfiguration,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> ProviderConfiguration {
        let configuration = ProviderConfiguration(
            clinic: stored.clinic,
            version: try lock(stored.clinic, in: tx) + 1,
            updatedAt: now,
            updatedBy: actor,
            entries: stored.entries.map { entry in
                var entry = entry
                entry.formerSecrets = []
                return entry
            },
            settings: stored.settings,
            isDeleted: stored.isDeleted
        )
        try write(configuration, in: tx)
        return configuration
    }

    /// Puts no configuration in force; the versions stay, and webhooks of the entries are taken for another day.
    ///
    /// Returns the version that counts as the change.
    package func delete(
        _ stored: ProviderConfiguration,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int64 {
        let version = try lock(stored.clinic, in: tx) + 1
        let empty = ProviderConfiguration(
            clinic: stored.clinic,
            version: version,
            updatedAt: now,
            updatedBy: actor,
            entries: [],
            settings: [:],
            isDeleted: true,
            formerEntries: try succession(of: stored, by: [], stored.clinic, at: now, in: tx).former
        )
        try write(empty, in: tx)
        return version
    }

    private func write(_ configuration: ProviderConfiguration, in tx: borrowing Transaction) throws {
        let clinic = configuration.clinic
        let sealed = try dataKeys.sealer(for: clinic, in: tx).seal(
            try JSONWriter.encode(SealedConfiguration(configuration)),
            purpose: Self.purpose,
            record: clinic.description,
            version: configuration.version
        )
        tx.execute(
            """
            insert into provider_config_versions (clinic_id, version, sealed, updated_at, updated_by)
            values (\(clinic), \(configuration.version), \(sealed), \(configuration.updatedAt), \(configuration.updatedBy))
            """
        )
        let names = JSONColumn(try JSONWriter.encode(configuration.providerNames))
        let formerNames = JSONColumn(try JSONWriter.encode(configuration.formerProviders))
        tx.execute(
            """
            insert into provider_configs (clinic_id, version, is_deleted, providers, former_providers)
            values (\(clinic), \(configuration.version), \(configuration.isDeleted), \(names), \(formerNames))
            on conflict (clinic_id) do update set version = excluded.version, is_deleted = excluded.is_deleted,
                providers = excluded.providers, former_providers = excluded.former_providers
            """
        )
        try tx.flush()
    }

    private func configuration(
        _ clinic: ClinicID,
        _ row: Row,
        _ sealer: ClinicSealer
    ) throws -> ProviderConfiguration {
        let version: Int64 = try row[0]
        let plain = try sealer.open(
            try row[1],
            purpose: Self.purpose,
            record: clinic.description,
            version: version
        )
        let stored = try JSONTape(plain).decode(SealedConfiguration.self)
        let isDefault = clinic == .installation
        return ProviderConfiguration(
            clinic: clinic,
            version: version,
            updatedAt: try row[2],
            updatedBy: try row[3],
            entries: stored.entries.map { $0.entry(isDefault: isDefault) },
            settings: stored.settings,
            formerEntries: (stored.formerEntries ?? []).map {
                FormerEntry(entry: $0.entry.entry(isDefault: isDefault), until: $0.until)
            }
        )
    }

    private func fingerprint(of credentials: Credentials, _ clinic: ClinicID) -> String {
        let bytes = (try? JSONWriter.encode(JSONValue.object(credentials.unredacted))) ?? []
        let token = index.token(String(decoding: bytes, as: UTF8.self), purpose: "provider credentials", clinic: clinic)
        return token.prefix(8).hex
    }
}

/// What a clinic's providers follow from: the versions of both configurations, 0 where there never was one.
package struct CurrentVersions: Sendable, Equatable {
    package let clinic: ClinicID
    package var own: Int64 = 0
    package var installation: Int64 = 0
}

/// What is in force for a clinic, if anything, and since which version.
struct PresentConfiguration: Sendable {
    let version: Int64
    let configuration: ProviderConfiguration?
}

/// What is sealed: the only place where credentials are encoded.
private struct SealedConfiguration: Codable {
    struct Entry: Codable {
        struct Former: Codable {
            var secret: String
            var until: Instant
        }

        var id: ProviderEntryID
        var channel: String
        var provider: String
        var position: Int
        var credentials: [String: JSONValue]
        var version: Int64
        var updatedAt: Instant
        var updatedBy: String
        var fingerprint: String
        var former: [Former]

        init(_ entry: ProviderEntry) {
            id = entry.id
            channel = entry.channel
            provider = entry.provider
            position = entry.position
            credentials = entry.credentials.unredacted
            version = entry.version
            updatedAt = entry.updatedAt
            updatedBy = entry.updatedBy
            fingerprint = entry.fingerprint
            former = entry.formerSecrets.map { Former(secret: $0.secret.unredacted, until: $0.until) }
        }

        func entry(isDefault: Bool) -> ProviderEntry {
            ProviderEntry(
                id: id,
                channel: channel,
                provider: provider,
                position: position,
                credentials: Credentials(credentials),
                version: version,
                updatedAt: updatedAt,
                updatedBy: updatedBy,
                fingerprint: fingerprint,
                formerSecrets: former.map { .init(secret: Secret($0.secret), until: $0.until) },
                isDefault: isDefault
            )
        }
    }

    struct FormerEntry: Codable {
        var entry: Entry
        var until: Instant
    }

    var entries: [Entry]
    var settings: [String: JSONValue]
    /// Versions from before there were any have none.
    var formerEntries: [FormerEntry]?

    init(_ configuration: ProviderConfiguration) {
        entries = configuration.entries.map(Entry.init)
        settings = configuration.settings
        formerEntries = configuration.formerEntries.map { FormerEntry(entry: Entry($0.entry), until: $0.until) }
    }
}
