import AccessAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import ServiceHost

/// Emergency access to one patient: begun, ended, reviewed.
struct BreakGlassHandlers: Sendable {
    private static let reasonPurpose = "break_glass.reason"
    private static let notePurpose = "break_glass.note"

    let parts: AccessParts
    private let endpoints = BreakGlassEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.start) { try await start($0, $1) }
        table.read(endpoints.list) { try list($0, $1, $2) }
        table.read(endpoints.read) { try read($0, $1, $2) }
        table.change(endpoints.end) { try end($0, $1, $2) }
        table.change(endpoints.review) { try review($0, $1, $2) }
    }

    private func start(_ draft: BreakGlassDraft, _ context: OperationContext) async throws -> Reply<BreakGlass> {
        guard let user = context.principal.user else { throw Problem.forbidden(AccessPermissions.useBreakGlass.name) }
        let access = BreakGlass(
            id: BreakGlassID(at: context.now),
            userId: user,
            patientId: draft.patientId,
            reason: draft.reason,
            startedAt: context.now,
            expiresAt: context.now + .seconds(Int64(draft.minutes) * 60),
            endedAt: nil,
            review: nil
        )
        let reply = try await context.commit { tx in try begin(access, draft.minutes, context, tx) }
        let version = try await parts.database.through(.installation) { tx in try PolicyVersionStore.current(in: tx) }
        await parts.gateways.wait(for: version)
        return reply
    }

    private func begin(
        _ access: BreakGlass,
        _ minutes: Int,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<BreakGlass> {
        let clinic = context.clinic
        guard let member = try MemberStore.find(access.userId, of: clinic, in: tx),
            try KnownPatientStore.knows(access.patientId, of: clinic, in: tx)
        else { throw Problem.notFound }
        let reason = try parts.dataKeys.sealer(for: clinic, in: tx).seal(
            Array(access.reason.utf8),
            purpose: Self.reasonPurpose,
            record: access.id.description
        )
        BreakGlassStore.end(user: access.userId, patient: access.patientId, of: clinic, at: context.now, in: tx)
        BreakGlassStore.insert(
            StoredBreakGlass(
                id: access.id,
                user: access.userId,
                patient: access.patientId,
                reason: reason,
                startedAt: access.startedAt,
                expiresAt: access.expiresAt
            ),
            minutes: minutes,
            of: clinic,
            in: tx
        )
        try Jobs.enqueue(
            RecordBreakGlassEnd.self,
            payload: .init(access: access.id),
            lane: .critical,
            dueAt: access.expiresAt,
            in: tx
        )
        for admin in try MemberStore.administrators(of: clinic, in: tx) where admin.user != access.userId {
            try parts.notices.request(
                .breakGlassStarted(by: member.name, minutes: minutes),
                to: Notices.Recipient(
                    user: admin.user,
                    email: admin.email,
                    phone: admin.phone,
                    locale: admin.locale
                ),
                expiresAt: context.now + .seconds(86_400),
                by: context.principal.id,
                in: tx
            )
        }
        UserStore.touch(access.userId, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
        return Reply(
            access,
            version: 1,
            location: "/api/v1/access/break-glass/\(access.id)",
            audit: AuditDetail(resource: access.id.description, patient: access.patientId)
        )
    }

    private func list(
        _ query: BreakGlassQuery,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<BreakGlass>> {
        let order = query.sort ?? .newestFirst
        let list = "break glass \(query.reviewed.map { "\($0)" } ?? "all") \(order.rawValue)"
        let last = try parts.cursors.open(query.cursor, list: list, clinic: context.clinic)?.first
            .flatMap(BreakGlassID.init)
        let limit = query.limit ?? Page<BreakGlass>.usualLimit
        let found = try BreakGlassStore.list(
            of: context.clinic,
            reviewed: query.reviewed,
            order: order,
            after: last,
            limit: limit + 1,
            in: tx
        )
        // A clinic without any has no key yet, and a read makes none.
        let items = try found.isEmpty ? [] : opened(found, context.clinic, tx)
        return Reply(
            Page(items, limit: limit) {
                parts.cursors.seal([$0.id.description], list: list, clinic: context.clinic)
            }
        )
    }

    private func read(
        _ path: BreakGlassPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<BreakGlass> {
        let found = try BreakGlassStore.find(path.breakGlassId, of: context.clinic, forUpdate: false, in: tx)
        guard let access = found, access.user == context.principal.user,
            let shown = try opened([access], context.clinic, tx).first
        else { throw Problem.notFound }
        return Reply(
            shown,
            version: access.version,
            audit: AuditDetail(resource: access.id.description, patient: access.patient)
        )
    }

    private func end(
        _ path: BreakGlassPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        guard let access = try BreakGlassStore.find(path.breakGlassId, of: context.clinic, in: tx),
            access.user == context.principal.user
        else { throw Problem.notFound }
        try context.checkMatch(version: access.version)
        if access.endedAt == nil, access.expiresAt > context.now {
            BreakGlassStore.end(access.id, of: context.clinic, at: context.now, in: tx)
            UserStore.touch(access.user, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
        }
        return Reply(
            EmptyOutput(),
            audit: AuditDetail(resource: access.id.description, patient: access.patient, reason: "ended")
        )
    }

    private func review(
        _ review: BreakGlassReview,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<BreakGlass> {
        guard var access = try BreakGlassStore.find(review.breakGlassId, of: context.clinic, in: tx) else {
            throw Problem.notFound
        }
        if access.user == context.principal.user {
            throw Problem.conflict("own_access", "Somebody else has to review it.")
        }
        if access.verdict != nil { throw Problem.conflict("already_reviewed", "It has been reviewed.") }
        access.verdict = review.verdict
        access.reviewedBy = context.principal.user
        access.reviewedAt = context.now
        if let note = review.note {
            access.note = try parts.dataKeys.sealer(for: context.clinic, in: tx).seal(
                Array(note.utf8),
                purpose: Self.notePurpose,
                record: access.id.description
            )
        }
        BreakGlassStore.review(access, of: context.clinic, in: tx)
        let shown = try opened([access], context.clinic, tx)
        guard let one = shown.first else { throw StoreError.missing }
        return Reply(
            one,
            version: access.version,
            audit: AuditDetail(
                resource: access.id.description,
                patient: access.patient,
                reason: review.verdict.rawValue
            )
        )
    }

    /// With what was sealed in the clear.
    private func opened(
        _ found: [StoredBreakGlass],
        _ clinic: ClinicID,
        _ tx: borrowing Transaction
    ) throws -> [BreakGlass] {
        let sealer = try parts.dataKeys.sealer(for: clinic, in: tx)
        func text(_ sealed: [UInt8], _ purpose: String, _ id: BreakGlassID) throws -> String {
            String(decoding: try sealer.open(sealed, purpose: purpose, record: id.description), as: UTF8.self)
        }
        return try found.map { access in
            var review: BreakGlass.Review?
            if let verdict = access.verdict, let by = access.reviewedBy, let at = access.reviewedAt {
                let note = try access.note.map { try text($0, Self.notePurpose, access.id) }
                review = BreakGlass.Review(verdict: verdict, note: note, by: by, at: at)
            }
            return BreakGlass(
                id: access.id,
                userId: access.user,
                patientId: access.patient,
                reason: try text(access.reason, Self.reasonPurpose, access.id),
                startedAt: access.startedAt,
                expiresAt: access.expiresAt,
                endedAt: access.endedAt,
                review: review
            )
        }
    }
}
