import CommunicationAPI
import Contracts
import Core
import Logging
import Outbox
import Postgres
import ProviderConfig
import Resilience
import ServiceLifecycle
import Synchronization
import Telemetry

/// Puts the default providers of the operator's file in force when the process starts.
///
/// What somebody has put or deleted over the API stands: only an earlier file's providers, or none at all, give way.
final class DefaultProvidersImport: Service {
    /// Who wrote a version that came from the file.
    static let actor = "system:default-providers-file"
    private static let retry = RetryPolicy.forever(
        base: .milliseconds(200),
        cap: .seconds(10),
        floor: .milliseconds(100)
    )

    private let file: DefaultProvidersFile
    private let store: ProviderConfigStore
    private let database: Database
    private let log: Logger
    private let done = Mutex(false)

    init(_ file: DefaultProvidersFile, store: ProviderConfigStore, database: Database, log: Logger) {
        self.file = file
        self.store = store
        self.database = database
        self.log = log
    }

    /// Whether the file has been taken in: until then nobody knows which default is in force.
    var isDone: Bool { done.withLock { $0 } }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var failures = 0
            while !Task.isCancelled {
                do {
                    if try await self.take() { self.log.notice("Took in the file of default providers") }
                    self.done.withLock { $0 = true }
                    break
                } catch {
                    failures += 1
                    self.log.warning("The file of default providers could not be taken in yet", error: error)
                    try? await Task.sleep(for: Self.retry.delay(afterFailures: failures) ?? .seconds(10))
                }
            }
        }
        try? await gracefulShutdown()
    }

    /// Stores the file's providers unless they are there or others have been decided on; `true` when it did.
    func take() async throws -> Bool {
        let (file, store) = (file, store)
        let tenant = Tenant(.installation, actor: Self.actor)
        return try await database.transaction(for: tenant, lane: .background) { tx in
            let last = try store.lock(.installation, in: tx)
            let stored = try store.load(.installation, in: tx)
            guard last == 0 || stored?.updatedBy == Self.actor else { return false }
            let drafts = Self.keeping(stored?.entries ?? [], file.drafts)
            if let stored, Self.isSame(stored.entries, drafts), SendingRate.set(in: stored.settings) == file.rates {
                return false
            }
            let now = Instant.now()
            _ = try store.save(
                drafts,
                settings: SendingRate.settings(file.rates),
                replacing: stored,
                clinic: .installation,
                by: Self.actor,
                at: now,
                in: tx
            )
            try Outbox.appendAudit(Self.record(at: now), in: tx)
            return true
        }
    }

    /// An entry of the same provider at the same place stays the same entry.
    private static func keeping(_ stored: [ProviderEntry], _ drafts: [ProviderEntryDraft]) -> [ProviderEntryDraft] {
        drafts.map { draft in
            var draft = draft
            draft.id =
                stored.first {
                    $0.channel == draft.channel && $0.position == draft.position && $0.provider == draft.provider
                }?.id
            return draft
        }
    }

    private static func isSame(_ stored: [ProviderEntry], _ drafts: [ProviderEntryDraft]) -> Bool {
        stored.count == drafts.count
            && drafts.allSatisfy { draft in
                stored.contains { $0.id == draft.id && $0.credentials == draft.credentials }
            }
    }

    private static func record(at now: Instant) -> AuditRecord {
        AuditRecord(
            at: now,
            clinicId: .installation,
            actor: .init(type: "system", id: actor),
            action: CommunicationPermissions.updateInstallation.name,
            resource: .init(type: "installation_config", id: ClinicID.installation.description),
            outcome: .succeeded,
            requestId: RequestID(at: now),
            source: .init(address: "", userAgent: "")
        )
    }
}
