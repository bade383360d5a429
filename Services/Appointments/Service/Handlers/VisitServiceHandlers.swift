import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Visit types: offered, found, changed, removed.
struct VisitServiceHandlers: Sendable {
    let endpoints = VisitServiceEndpoints()
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create, create)
        table.read(endpoints.list, list)
        table.read(endpoints.read, read)
        table.change(endpoints.update, update)
        table.change(endpoints.delete, delete)
    }

    @Sendable private func create(
        _ draft: VisitServiceDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<VisitService> {
        let service = VisitService(
            id: VisitTypeID(at: context.now),
            name: draft.name,
            minutes: draft.minutes,
            price: draft.price,
            bufferBefore: draft.bufferBefore ?? 0,
            bufferAfter: draft.bufferAfter ?? 0,
            kinds: (draft.kinds ?? [.inPerson]).unique,
            active: true,
            createdAt: context.now,
            updatedAt: context.now
        )
        try check(service)
        VisitServiceStore.insert(service, of: context.clinic, in: tx)
        try Announcement(context: context).service(service, version: 1, in: tx)
        return Reply(
            service,
            version: 1,
            location: "\(RouteTable.base)/services/\(service.id)",
            audit: AuditDetail(resource: "\(service.id)")
        )
    }

    @Sendable private func list(
        _ request: SearchRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<VisitService>> {
        let limit = request.limit ?? Page<VisitService>.usualLimit
        let order = request.sort ?? .oldestFirst
        let list = "q=\(request.q ?? "")&sort=\(order.rawValue)"
        let after = try context.position(request.cursor, list: list, cursors)?.first.flatMap { VisitTypeID($0) }
        let found = try VisitServiceStore.list(
            of: context.clinic,
            word: request.q,
            order: order,
            after: after,
            count: limit + 1,
            in: tx
        )
        return Reply(context.page(found, limit: limit, list: list, cursors) { ["\($0.id)"] })
    }

    @Sendable private func read(
        _ path: VisitServicePath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<VisitService> {
        guard let found = try VisitServiceStore.find(path.id, of: context.clinic, in: tx) else {
            throw Problem.notFound
        }
        return Reply(found.value, version: found.version)
    }

    @Sendable private func update(
        _ patch: VisitServicePatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<VisitService> {
        guard let found = try VisitServiceStore.find(patch.id, of: context.clinic, forUpdate: true, in: tx) else {
            throw Problem.notFound
        }
        try context.checkMatch(version: found.version)
        let service = found.value.applying(patch, at: context.now)
        try check(service)
        guard let version = try VisitServiceStore.update(service, of: context.clinic, in: tx) else {
            throw Problem.notFound
        }
        try Announcement(context: context).service(service, version: version, in: tx)
        return Reply(service, version: version)
    }

    @Sendable private func delete(
        _ path: VisitServicePath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        guard let found = try VisitServiceStore.find(path.id, of: context.clinic, forUpdate: true, in: tx) else {
            throw Problem.notFound
        }
        try context.checkMatch(version: found.version)
        let visits = AppointmentStore.Filter(service: path.id)
        if try AppointmentStore.hasUpcoming(visits, of: context.clinic, at: context.now, in: tx) {
            throw Problem.conflict("service_in_use", "There are visits of this type to come.")
        }
        guard let version = try VisitServiceStore.delete(path.id, of: context.clinic, at: context.now, in: tx) else {
            throw Problem.notFound
        }
        try Announcement(context: context).service(found.value, version: version, deleted: true, in: tx)
        return Reply(EmptyOutput())
    }

    private func check(_ service: VisitService) throws(Problem) {
        if service.price.amount < 0 { throw .invalid("/price/amount", "must not be negative") }
    }
}

extension VisitService {
    /// The visit type after a merge patch.
    func applying(_ patch: VisitServicePatch, at now: Instant) -> VisitService {
        VisitService(
            id: id,
            name: patch.name ?? name,
            minutes: patch.minutes ?? minutes,
            price: patch.price ?? price,
            bufferBefore: patch.bufferBefore ?? bufferBefore,
            bufferAfter: patch.bufferAfter ?? bufferAfter,
            kinds: patch.kinds?.unique ?? kinds,
            active: patch.active ?? active,
            createdAt: createdAt,
            updatedAt: now
        )
    }
}

extension [VisitKind] {
    /// Each once, in the order of the first.
    fileprivate var unique: [VisitKind] { VisitKind.allCases.filter(contains) }
}
