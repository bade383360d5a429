import Contracts
package import Core

/// Turns drafts into entries: shapes checked, masked secrets replaced by the stored ones, unchanged entries kept as they are.
package struct ProviderConfigDraft: Sendable {
    /// How long a replaced webhook secret stays valid, unless others are replaced after it.
    package static let formerSecretsLast: Duration = .seconds(24 * 3_600)

    /// All that a service finds wrong with an entry beyond the shape of its credentials.
    package typealias Rules = @Sendable (ProviderEntry) -> [CredentialFault]

    private let drafts: [ProviderEntryDraft]
    private let shapes: CredentialShapes
    private let rules: Rules

    package init(
        _ drafts: [ProviderEntryDraft],
        of shapes: CredentialShapes,
        rules: @escaping Rules = { _ in [] }
    ) {
        self.drafts = drafts
        self.shapes = shapes
        self.rules = rules
    }

    /// The entries of version `version`.
    ///
    /// Throws 422 with every fault; `secret_missing` when a masked secret has no stored value to stand for, else what the
    /// rules say.
    ///
    /// - Parameter found: what is known to be wrong with the request; it is told with all else.
    package func entries(
        replacing stored: [ProviderEntry],
        version: Int64,
        by actor: String,
        at now: Instant,
        beside found: [Problem.Fault] = [],
        fingerprint: (Credentials) -> String
    ) throws(Problem) -> [ProviderEntry] {
        var faults = found
        var isSecretMissing = false
        var code: String?
        var entries: [ProviderEntry] = []
        var ids: Set<ProviderEntryID> = []
        var taken = Set(drafts.compactMap(\.id))
        for draft in drafts {
            guard let shape = shapes.shape(of: draft.provider, channel: draft.channel) else {
                let known = shapes.providers(of: draft.channel).joined(separator: ", ")
                faults.append(.init(pointer: "\(draft.pointer)/provider", "must be one of \(known)"))
                continue
            }
            let before = Self.before(draft, stored, &taken)
            if draft.id != nil, before == nil {
                faults.append(.init(pointer: "\(draft.pointer)/id", "is not an entry of this configuration"))
            }
            if let id = draft.id, !ids.insert(id).inserted {
                faults.append(.init(pointer: "\(draft.pointer)/id", "appears twice"))
            }
            let (credentials, missing) = Self.unmasked(draft, before, shape)
            isSecretMissing = isSecretMissing || !missing.isEmpty
            var wrong = missing.map { CredentialFault($0, "has no stored value to keep").told(at: draft.pointer) }
            wrong += shape.faults(of: credentials, at: "\(draft.pointer)/credentials")
            let entry = Self.entry(draft, Credentials(credentials), before, shape, version, actor, now, fingerprint)
            // Of a credential that is none already nothing more can be said.
            let places = Set(wrong.map(\.pointer))
            for fault in rules(entry) where !places.contains(fault.told(at: draft.pointer).pointer) {
                wrong.append(fault.told(at: draft.pointer))
                code = code ?? fault.code
            }
            faults += wrong
            entries.append(entry)
        }
        var all = Faults()
        all.add(faults, code: isSecretMissing ? "secret_missing" : code)
        try all.check()
        return entries
    }

    /// The entry that a draft stands for: the one it names; where it names none, the first of its provider that nobody does.
    ///
    /// Who sends a configuration anew without ids means the same entries: messages that they have sent are still reported
    /// by them, and what they were signed with holds a day longer.
    private static func before(
        _ draft: ProviderEntryDraft,
        _ stored: [ProviderEntry],
        _ taken: inout Set<ProviderEntryID>
    ) -> ProviderEntry? {
        if let id = draft.id { return stored.first { $0.id == id && $0.channel == draft.channel } }
        let found = stored.first {
            $0.channel == draft.channel && $0.provider == draft.provider && !taken.contains($0.id)
        }
        if let found { taken.insert(found.id) }
        return found
    }

    /// Masked secrets give way to the stored ones, unless the entry now sends them somewhere else.
    private static func unmasked(
        _ draft: ProviderEntryDraft,
        _ before: ProviderEntry?,
        _ shape: CredentialShape
    ) -> (credentials: [String: JSONValue], missing: [String]) {
        var credentials = draft.credentials.unredacted.filter { $0.value != .null }
        let stored = before?.provider == draft.provider ? before?.credentials.unredacted : nil
        let isSameWay = CredentialShape.isSameWay(credentials, stored)
        var missing: [String] = []
        for key in shape.secretKeys.sorted() {
            guard let value = credentials[key], Mask.isMasked(value) else { continue }
            if isSameWay, let kept = stored?[key], Mask.masked(kept) == value {
                credentials[key] = kept
            } else {
                missing.append(key)
            }
        }
        return (credentials, missing)
    }

    private static func entry(
        _ draft: ProviderEntryDraft,
        _ credentials: Credentials,
        _ before: ProviderEntry?,
        _ shape: CredentialShape,
        _ version: Int64,
        _ actor: String,
        _ now: Instant,
        _ fingerprint: (Credentials) -> String
    ) -> ProviderEntry {
        if let before, before.provider == draft.provider, before.credentials == credentials {
            var kept = before
            kept.position = draft.position
            return kept
        }
        return ProviderEntry(
            id: before?.id ?? ProviderEntryID(at: now),
            channel: draft.channel,
            provider: draft.provider,
            position: draft.position,
            credentials: credentials,
            version: version,
            updatedAt: now,
            updatedBy: actor,
            fingerprint: fingerprint(credentials),
            formerSecrets: before.map { former($0, replacedBy: credentials, of: shape, at: now) } ?? []
        )
    }

    /// The webhook secrets that an entry leaves to its successor, the newest of them: its own former ones, and those that are
    /// replaced now.
    static func former(
        _ before: ProviderEntry,
        replacedBy credentials: Credentials,
        of shape: CredentialShape?,
        at now: Instant
    ) -> [ProviderEntry.FormerSecret] {
        let kept = before.formerSecrets.filter { $0.until > now }
        guard let shape, before.provider == shape.provider, let key = shape.signingKey else {
            return ProviderEntry.newest(kept, beside: [])
        }
        let replaced = before.credentials.texts(key).map {
            ProviderEntry.FormerSecret(secret: Secret($0), until: now + formerSecretsLast)
        }
        return ProviderEntry.newest(kept + replaced, beside: Set(credentials.texts(key)))
    }
}
