import AccessAPI
import AuditLog
import Contracts
import Core
import Jobs
import Postgres
import ServiceHost

/// Bundles that prove themselves offline.
struct AuditExportHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = AuditEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.change(endpoints.createExport) { try create($0, $1, $2) }
        table.read(endpoints.listExports) { try list($0, $1, $2) }
        table.read(endpoints.readExport) { path, context, tx in
            Reply(try find(path.exportId, context, tx).export(at: context.now))
        }
        table.stream(endpoints.exportContent) { try content($0, $1, $2, $3) }
    }

    private func find(
        _ id: AuditExportID,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> StoredExport {
        guard let export = try AuditExportStore.find(id, of: context.clinic, in: tx) else { throw Problem.notFound }
        return export
    }

    private func create(
        _ draft: AuditExportDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<AuditExport> {
        let filter = AuditFilter(from: draft.from, to: draft.to, fields: draft.filters ?? AuditFilters())
        let export = StoredExport(
            id: AuditExportID(at: context.now),
            filter: filter,
            status: .pending,
            logSize: max(1, try AuditStore.size(of: context.clinic, in: tx)),
            createdAt: context.now,
            expiresAt: context.now + AuditExportStore.lifetime
        )
        try AuditExportStore.insert(export, of: context.clinic, by: context.principal.id, in: tx)
        try Jobs.enqueue(PrepareAuditExport.self, payload: .init(export: export.id), in: tx)
        return Reply(
            export.export(at: context.now),
            location: "/api/v1/audit/exports/\(export.id)",
            audit: AuditDetail(resource: export.id.description)
        )
    }

    private func list(
        _ request: ListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<AuditExport>> {
        let order = request.sort ?? .newestFirst
        let list = "audit exports \(order.rawValue)"
        let last = try parts.cursors.open(request.cursor, list: list, clinic: context.clinic)?.first
            .flatMap(AuditExportID.init)
        let limit = request.limit ?? Page<AuditExport>.usualLimit
        let found = try AuditExportStore.list(
            of: context.clinic,
            order: order,
            after: last,
            limit: limit + 1,
            in: tx
        )
        return Reply(
            Page(found.map { $0.export(at: context.now) }, limit: limit) {
                parts.cursors.seal([$0.id.description], list: list, clinic: context.clinic)
            }
        )
    }

    private func content(
        _ path: AuditExportPath,
        _ context: OperationContext,
        _ page: String?,
        _ tx: borrowing Transaction
    ) throws -> StreamPage {
        let export = try find(path.exportId, context, tx)
        if export.expiresAt <= context.now { throw Problem.gone("export_expired", "The bundle has expired.") }
        guard export.status == .ready, let size = export.size, let bytes = export.bytes else {
            throw Problem.conflict("export_not_ready", "The bundle is not ready yet.")
        }
        guard let place = page.map(BundlePlace.init(text:)) ?? BundlePlace(.entries, 0) else {
            throw Problem.malformed("The page is not one that was given.")
        }
        let bundle = BundlePages(
            clinic: context.clinic,
            filter: export.filter,
            size: size,
            entryBytes: bytes,
            key: parts.audit.signer.verifierKey
        )
        let (chunk, next) = try bundle.page(place, in: tx)
        return StreamPage(
            chunk,
            contentType: "application/x-tar",
            next: next?.text,
            headers: page == nil ? [("X-Audit-Size", String(size))] : []
        )
    }
}
