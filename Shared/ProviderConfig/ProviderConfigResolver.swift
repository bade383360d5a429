package import Core
package import Postgres
import Synchronization

/// What a request to a channel is to use.
package struct ResolvedChain: Sendable {
    package enum Source: String, Sendable {
        case clinic
        /// The installation's default.
        case installation
        case none

        /// Where a channel's providers come from.
        ///
        /// The default stands in for a channel that the clinic has no providers for at all, never for some that fail.
        package static func of(own: Bool, allowsDefault: Bool, default isThere: Bool) -> Source {
            if own { return .clinic }
            return allowsDefault && isThere ? .installation : .none
        }
    }

    package let source: Source
    /// The version of the configuration they come from, the clinic's when there are none; 0 without one.
    package let version: Int64
    /// Primary first.
    package let entries: [ProviderEntry]
}

/// Clinics' configurations, kept in memory up to a bound and dropped at once when news of a change come.
///
/// News name a version: what is older is never served again, a load that was under way then included.
package final class ProviderConfigResolver: Sendable {
    /// Clinics kept in memory.
    package static let capacity = 10_000

    private enum Entry {
        case known(PresentConfiguration)
        case loading(Task<PresentConfiguration, any Error>)
    }

    private struct State {
        var entries: [ClinicID: Entry] = [:]
        /// The version the news named last; older loads are not kept.
        var newest: [ClinicID: Int64] = [:]
        /// Grows with `invalidateAll`; loads begun before are not kept.
        var generation = 0
    }

    private let store: ProviderConfigStore
    private let database: Database
    private let usesDefault: Bool
    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter usesDefault: whether the installation's providers stand in for channels a clinic has not configured.
    package init(
        store: ProviderConfigStore,
        database: Database,
        usesDefault: Bool = false,
        capacity: Int = ProviderConfigResolver.capacity
    ) {
        self.store = store
        self.database = database
        self.usesDefault = usesDefault
        self.capacity = capacity
    }

    /// The chain to use now.
    ///
    /// Throws `DatabaseError`, or `VaultError` when a key is not there (yet): a default that cannot be read is not none.
    package func resolve(_ clinic: ClinicID, channel: String) async throws -> ResolvedChain {
        let own = try await configuration(of: clinic)
        let entries = own?.entries(of: channel) ?? []
        let allowsDefault = usesDefault && (own?.allowsDefault ?? true)
        let isShared = entries.isEmpty && allowsDefault
        let installation = isShared ? try await configuration(of: .installation) : nil
        let defaults = installation?.entries(of: channel) ?? []
        let source = ResolvedChain.Source.of(
            own: !entries.isEmpty,
            allowsDefault: allowsDefault,
            default: !defaults.isEmpty
        )
        return switch source {
        case .clinic, .none: ResolvedChain(source: source, version: own?.version ?? 0, entries: entries)
        case .installation: ResolvedChain(source: source, version: installation?.version ?? 0, entries: defaults)
        }
    }

    /// The whole configuration; `nil` where there is none.
    package func configuration(of clinic: ClinicID) async throws -> ProviderConfiguration? {
        while true {
            switch begin(clinic) {
            case .known(let present): return present.configuration
            case .wait(let task, let generation):
                if let kept = keep(await task.result, clinic, generation) { return try kept.get().configuration }
            }
        }
    }

    private enum Step {
        case known(PresentConfiguration)
        case wait(Task<PresentConfiguration, any Error>, generation: Int)
    }

    private func begin(_ clinic: ClinicID) -> Step {
        state.withLock { state in
            switch state.entries[clinic] {
            case .known(let present): return .known(present)
            case .loading(let task): return .wait(task, generation: state.generation)
            case nil:
                // One load for all who wait: a task of its own, because none of them may cancel it for the others.
                let task = Task { [self] in try await load(clinic) }
                if state.entries.count >= capacity, let any = state.entries.keys.first { state.entries[any] = nil }
                state.entries[clinic] = .loading(task)
                return .wait(task, generation: state.generation)
            }
        }
    }

    /// What a transaction has read is in force: nothing older is served again.
    package func invalidate(_ current: CurrentVersions) {
        invalidate(current.clinic, version: current.own)
        if usesDefault { invalidate(.installation, version: current.installation) }
    }

    /// News of a change: what is older than `version` is not served again.
    package func invalidate(_ clinic: ClinicID, version: Int64) {
        state.withLock { state in
            if case .known(let present) = state.entries[clinic], present.version >= version { return }
            state.entries[clinic] = nil
            if state.newest.count >= capacity {
                // Without the versions no load under way can be trusted any more.
                state.newest = [:]
                state.generation += 1
                state.entries = state.entries.filter { if case .known = $0.value { true } else { false } }
            }
            state.newest[clinic] = max(version, state.newest[clinic] ?? 0)
        }
    }

    /// News may have been missed: everything is loaded again.
    package func invalidateAll() {
        state.withLock { state in
            state.entries = [:]
            state.newest = [:]
            state.generation += 1
        }
    }

    private func load(_ clinic: ClinicID) async throws -> PresentConfiguration {
        let store = store
        return try await database.transaction(for: Tenant(clinic, actor: "provider configuration"), lane: .background) {
            tx in
            try store.present(clinic, in: tx)
        }
    }

    /// The result if it may be served, `nil` if news made it old meanwhile.
    private func keep(
        _ result: Result<PresentConfiguration, any Error>,
        _ clinic: ClinicID,
        _ generation: Int
    ) -> Result<PresentConfiguration, any Error>? {
        state.withLock { state in
            guard case .success(let present) = result else {
                if case .loading = state.entries[clinic] { state.entries[clinic] = nil }
                return result
            }
            let isOld = present.version < state.newest[clinic] ?? 0
            guard state.generation == generation, !isOld else {
                if case .loading = state.entries[clinic] { state.entries[clinic] = nil }
                return nil
            }
            if case .loading = state.entries[clinic] { state.entries[clinic] = .known(present) }
            return result
        }
    }
}
