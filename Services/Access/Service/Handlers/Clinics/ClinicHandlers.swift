import AccessAPI
import Authorization
import Contracts
import Core
import Jobs
import Outbox
import Postgres
import ServiceHost

/// Clinics.
struct ClinicHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = ClinicEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create) { try create($0, $1, $2) }
        table.steps(endpoints.list) { try await list($0, $1) }
        table.read(endpoints.read) { path, _, tx in
            guard let stored = try ClinicStore.find(path.clinicId, in: tx) else { throw Problem.notFound }
            return Reply(stored.clinic, version: stored.version)
        }
        table.change(endpoints.update) { try update($0, $1, $2) }
        table.change(endpoints.activate) { try setStatus(.active, $0, $1, $2) }
        table.change(endpoints.suspend) { try setStatus(.suspended, $0, $1, $2) }
    }

    /// The event with a clinic's whole state.
    static func announce(
        _ stored: StoredClinic,
        by actor: String,
        notify: Bool = true,
        in tx: borrowing Transaction
    ) throws {
        try Outbox.append(
            ClinicChanged(clinic: stored.clinic),
            aggregate: "clinic:\(stored.clinic.id)",
            version: stored.version,
            actor: actor,
            notify: notify,
            in: tx
        )
    }

    static func clinic(_ draft: ClinicDraft, at now: Instant) -> Clinic {
        Clinic(
            id: ClinicID(at: now),
            slug: draft.slug,
            name: draft.name,
            timeZone: draft.timeZone,
            currency: draft.currency,
            country: draft.country,
            locale: draft.locale ?? "en",
            branding: draft.branding,
            status: .active,
            createdAt: now,
            updatedAt: now
        )
    }

    /// Makes a clinic, in a transaction of the installation.
    ///
    /// - Parameter admin: who is to administer it.
    static func found(
        _ draft: ClinicDraft,
        admin: UserID? = nil,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Clinic {
        let clinic = clinic(draft, at: now)
        try ClinicRule.check(clinic)
        let version = try PolicyVersionStore.raise(in: tx)
        try Self.takingSlug { try ClinicStore.insert(clinic, policyVersion: version, in: tx) }
        // Events and members belong to the clinic's own transactions, and this one is the installation's.
        try Jobs.enqueue(
            AnnounceClinic.self,
            payload: .init(clinic: clinic.id, actor: actor, admin: admin),
            lane: .critical,
            in: tx
        )
        return clinic
    }

    private func create(
        _ draft: ClinicDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Clinic> {
        let clinic = try Self.found(draft, by: context.actor, at: context.now, in: tx)
        return Reply(
            clinic,
            version: 1,
            location: "/api/v1/clinics/\(clinic.id)",
            audit: AuditDetail(resource: clinic.id.description)
        )
    }

    /// All clinics for those who hold a system role everywhere, else those the caller belongs to or looks after.
    private func list(_ request: DirectoryRequest, _ context: OperationContext) async throws -> Reply<Page<Clinic>> {
        guard let caller = context.principal.user else { throw Problem.unauthenticated }
        let order = request.sort ?? .oldestFirst
        let list = "clinics \(caller) \(request.q ?? "") \(order.rawValue)"
        let after = try parts.cursors.open(request.cursor, list: list, clinic: .installation)?.first.flatMap(
            ClinicID.init
        )
        let limit = request.limit ?? Page<Clinic>.usualLimit
        let found = try await parts.database.through(.installation) { tx -> [Clinic] in
            let memberships = try PolicyStore.memberships(of: [caller], in: tx)[caller] ?? []
            var visible: [ClinicID]? = memberships.map(\.clinicId)
            if let grant = try SystemRoleStore.find(caller, in: tx), grant.expiresAt.map({ $0 > context.now }) ?? true {
                visible = grant.clinicIds.map { $0 + (visible ?? []) }
            }
            return try ClinicStore.list(
                only: visible,
                word: request.q,
                order: order,
                after: after,
                limit: limit + 1,
                in: tx
            ).map(\.clinic)
        }
        return Reply(
            Page(found, limit: limit) { parts.cursors.seal([$0.id.description], list: list, clinic: .installation) }
        )
    }

    private func update(
        _ patch: ClinicPatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Clinic> {
        guard var stored = try ClinicStore.lock(patch.clinicId, in: tx) else { throw Problem.notFound }
        try context.checkMatch(version: stored.version)
        stored.clinic.name = patch.name ?? stored.clinic.name
        stored.clinic.slug = patch.slug ?? stored.clinic.slug
        stored.clinic.timeZone = patch.timeZone ?? stored.clinic.timeZone
        stored.clinic.currency = patch.currency ?? stored.clinic.currency
        stored.clinic.country = patch.country ?? stored.clinic.country
        stored.clinic.locale = patch.locale ?? stored.clinic.locale
        stored.clinic.branding = patch.branding.applied(to: stored.clinic.branding)
        try ClinicRule.check(stored.clinic)
        return try save(stored, context, tx)
    }

    private func setStatus(
        _ status: Clinic.Status,
        _ path: ClinicPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Clinic> {
        guard var stored = try ClinicStore.lock(path.clinicId, in: tx) else { throw Problem.notFound }
        if stored.clinic.status == status { return Reply(stored.clinic, version: stored.version) }
        stored.clinic.status = status
        // The operator's doing: told in the installation's log too.
        var record = context.auditRecord(.succeeded, AuditDetail(resource: stored.clinic.id.description))
        record.id = AuditEntryID(at: context.now)
        record.clinicId = .installation
        AuditStore.append([record], in: tx)
        return try save(stored, context, tx)
    }

    private func save(
        _ changed: StoredClinic,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Clinic> {
        var stored = changed
        stored.clinic.updatedAt = context.now
        let policy = try PolicyVersionStore.raise(in: tx)
        let clinic = stored.clinic
        stored.version = try Self.takingSlug { try ClinicStore.update(clinic, policyVersion: policy, in: tx) }
        try Self.announce(stored, by: context.actor, in: tx)
        return Reply(stored.clinic, version: stored.version, audit: AuditDetail(resource: stored.clinic.id.description))
    }

    private static func takingSlug<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError where error.constraint == "clinics_slug" {
            throw Problem.slugTaken
        }
    }
}

extension Problem {
    static let slugTaken = Problem.conflict("slug_taken", "Another clinic has this slug.")
}
