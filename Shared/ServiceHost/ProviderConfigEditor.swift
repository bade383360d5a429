package import Contracts
package import Core
package import Postgres
package import ProviderConfig

/// Replaces and removes the configuration of whom a request is about, a clinic or the installation, under its version.
package struct ProviderConfigEditor: Sendable {
    package let store: ProviderConfigStore
    /// What entries are held against beyond the shapes of their credentials.
    private let rules: ProviderConfigDraft.Rules
    /// What a 404 says.
    private let notConfigured: Problem

    package init(
        store: ProviderConfigStore,
        rules: @escaping ProviderConfigDraft.Rules,
        notConfigured: Problem
    ) {
        self.store = store
        self.rules = rules
        self.notConfigured = notConfigured
    }

    /// A change that was made: what is in force now, and what was before it.
    package struct Saved: Sendable {
        package let configuration: ProviderConfiguration
        package let former: ProviderConfiguration?

        /// 201 for the first one, which makes the configuration.
        package var status: Int { former == nil ? 201 : 200 }
    }

    /// The configuration in force; throws 404 where there is none.
    package func load(_ context: OperationContext, in tx: borrowing Transaction) throws -> ProviderConfiguration {
        guard let stored = try store.load(context.clinic, in: tx) else { throw notConfigured }
        return stored
    }

    /// Puts other entries in force, all or those of one channel.
    ///
    /// Throws 412 and 428 for a version that is not, 422 with every fault of the drafts.
    ///
    /// - Parameters:
    ///   - channel: the only one that `drafts` replace; `nil` for all of them.
    ///   - settings: what else is configured; `nil` leaves it as it is.
    ///   - found: what is known to be wrong with the request; it is told with all else.
    package func save(
        _ drafts: [ProviderEntryDraft],
        of channel: String? = nil,
        settings: [String: JSONValue]? = nil,
        beside found: [Problem.Fault] = [],
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Saved {
        let former = try present(context, in: tx)
        let saved = try store.save(
            drafts,
            keeping: channel == nil ? [] : (former?.entries ?? []).filter { $0.channel != channel },
            settings: settings ?? former?.settings ?? [:],
            replacing: former,
            clinic: context.clinic,
            by: context.principal.id,
            at: context.now,
            beside: found,
            rules: rules,
            in: tx
        )
        return Saved(configuration: saved, former: former)
    }

    /// Makes an earlier version's contents the present ones, under today's rules.
    package func restore(_ version: Int64, _ context: OperationContext, in tx: borrowing Transaction) throws -> Saved {
        let former = try present(context, in: tx)
        guard let earlier = try store.load(context.clinic, version: version, in: tx) else { throw Problem.notFound }
        guard !earlier.entries.isEmpty || !earlier.settings.isEmpty else {
            throw Problem.conflict("nothing_to_restore", "That version has neither providers nor settings.")
        }
        var faults = Faults()
        for fault in earlier.entries.flatMap(rules) { faults.add([fault.told(at: "")], code: fault.code) }
        try faults.check()
        let restored = try store.restore(
            earlier,
            replacing: former,
            by: context.principal.id,
            at: context.now,
            in: tx
        )
        return Saved(configuration: restored, former: former)
    }

    /// Lets no replaced webhook secret be used any more, nor one of a removed entry; throws 404 where there can be neither.
    package func dropFormerSecrets(
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        _ = try store.lock(context.clinic, in: tx)
        // A deletion leaves webhooks of its entries valid.
        guard let stored = try store.latest(context.clinic, in: tx),
            !stored.isDeleted || !stored.formerEntries(at: context.now).isEmpty
        else { throw notConfigured }
        try context.checkMatch(version: stored.version)
        let changed = try store.dropFormerSecrets(
            stored,
            by: context.principal.id,
            at: context.now,
            in: tx
        )
        return Reply(
            EmptyOutput(),
            version: changed.version,
            audit: AuditDetail(resource: context.clinic.description)
        )
    }

    /// Puts no configuration in force; gives the one that was.
    package func delete(_ context: OperationContext, in tx: borrowing Transaction) throws -> ProviderConfiguration {
        let former = try known(context, in: tx)
        _ = try store.delete(former, by: context.principal.id, at: context.now, in: tx)
        return former
    }

    /// What a change replaces, once the client has shown that it knows it; `nil` before the first.
    private func present(_ context: OperationContext, in tx: borrowing Transaction) throws -> ProviderConfiguration? {
        _ = try store.lock(context.clinic, in: tx)
        let stored = try store.load(context.clinic, in: tx)
        if let stored {
            try context.checkNotThere()
            try context.checkMatch(version: stored.version)
        } else {
            try context.checkCreates()
        }
        return stored
    }

    /// What is changed where it is, once the client has shown that it knows it.
    private func known(_ context: OperationContext, in tx: borrowing Transaction) throws -> ProviderConfiguration {
        _ = try store.lock(context.clinic, in: tx)
        let stored = try load(context, in: tx)
        try context.checkMatch(version: stored.version)
        return stored
    }
}

extension OperationContext {
    /// Throws 403 where the permission is held for some clinics only: that is not to hold it for the installation.
    package func checkHoldsInstallation() throws(Problem) {
        guard scope == .clinic else { throw .forbidden(endpoint.auditAction) }
    }
}
