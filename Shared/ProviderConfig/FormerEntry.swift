import Contracts
package import Core

/// An entry that was removed, or whose provider or account was replaced: its webhooks are taken a while longer.
///
/// Nothing is sent by it, and nobody is shown it.
package struct FormerEntry: Sendable, Equatable {
    package let entry: ProviderEntry
    /// Until when webhooks that its account has signed are taken.
    package let until: Instant

    /// Whether it is an earlier form of an entry, with the same account.
    fileprivate func isOf(_ other: ProviderEntry, _ shapes: CredentialShapes) -> Bool {
        guard entry.id == other.id, entry.provider == other.provider else { return false }
        let names = shapes.shape(of: entry.provider, channel: entry.channel)?.keys.filter(\.namesAccount) ?? []
        return names.allSatisfy { entry.credentials.text($0.name) == other.credentials.text($0.name) }
    }
}

/// The entries whose webhooks are taken.
package struct WebhookEntries: Sendable {
    /// Those in force.
    package let present: [ProviderEntry]
    /// Those that were in force until a while ago.
    package let former: [ProviderEntry]
}

/// What becomes of entries when others are put in force in their place.
struct EntrySuccession {
    /// Former entries that a configuration keeps; the latest are.
    static let mostKept = 40
    /// Bytes of their credentials together, far below what a version may have.
    static let mostBytes = 262_144

    /// Those in force from now on; who comes back still knows its webhook secrets.
    let entries: [ProviderEntry]
    /// Those in force no more, the latest first.
    let former: [FormerEntry]

    /// - Parameters:
    ///   - stored: what was in force.
    ///   - carried: what was former already.
    init(
        of stored: [ProviderEntry],
        beside carried: [FormerEntry],
        by entries: [ProviderEntry],
        shapes: CredentialShapes,
        at now: Instant
    ) {
        let until = now + ProviderConfigDraft.formerSecretsLast
        let carried = carried.filter { $0.until > now }
        let left = (stored.map { FormerEntry(entry: $0, until: until) } + carried).filter { former in
            !entries.contains { former.isOf($0, shapes) }
        }
        var room = Self.mostBytes
        var kept: [FormerEntry] = []
        for former in left.prefix(Self.mostKept) {
            room -= Self.size(of: former.entry)
            guard room >= 0 else { break }
            kept.append(former)
        }
        former = kept
        self.entries = entries.map { entry in
            guard let before = carried.first(where: { $0.isOf(entry, shapes) }) else { return entry }
            return Self.entry(entry, after: before, of: shapes, at: now)
        }
    }

    /// An entry that comes back, with the webhook secrets that its former self was still known by.
    private static func entry(
        _ entry: ProviderEntry,
        after former: FormerEntry,
        of shapes: CredentialShapes,
        at now: Instant
    ) -> ProviderEntry {
        guard let key = shapes.shape(of: entry.provider, channel: entry.channel)?.signingKey else { return entry }
        let replaced = former.entry.credentials.texts(key).map {
            ProviderEntry.FormerSecret(secret: Secret($0), until: former.until)
        }
        let left = former.entry.formerSecrets.filter { $0.until > now } + replaced
        var entry = entry
        entry.formerSecrets = ProviderEntry.newest(
            left + entry.formerSecrets.filter { $0.until > now },
            beside: Set(entry.credentials.texts(key))
        )
        return entry
    }

    private static func size(of entry: ProviderEntry) -> Int {
        ((try? JSONWriter.encode(JSONValue.object(entry.credentials.unredacted))) ?? []).count
    }
}
