import BillingAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Reading invoices; they are written by events only.
struct InvoiceHandlers: Sendable {
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        let endpoints = InvoiceEndpoints()
        table.read(endpoints.list) { input, context, tx in try list(input, context, tx) }
        table.read(endpoints.read) { input, _, tx in
            guard let stored = try InvoiceStore.find(input.id, in: tx) else { throw Problem.notFound }
            return Reply(
                stored.invoice,
                version: stored.version,
                audit: AuditDetail(resource: input.id.description, patient: stored.invoice.patientId)
            )
        }
    }

    private func list(
        _ input: InvoiceListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<Invoice>> {
        var plain = input
        plain.limit = nil
        plain.cursor = nil
        // The cursor is bound to the filter and the order that it was made with.
        let list = "invoices " + String(decoding: try JSONWriter.encode(plain), as: UTF8.self)
        let place = try PagePlace(cursors.open(input.cursor, list: list, clinic: context.clinic))
        let limit = input.limit ?? Page<Invoice>.usualLimit
        let found = try InvoiceStore.list(input, after: place?.pair(), count: limit + 1, in: tx)
        let shown = found.prefix(limit).map(\.invoice)
        var next: String?
        if found.count > limit, let last = shown.last {
            next = cursors.seal(PagePlace.position(last.issuedAt, last.id), list: list, clinic: context.clinic)
        }
        return Reply(Page(items: Array(shown), nextCursor: next), audit: AuditDetail(patient: input.patient))
    }
}

/// Where a page ended: the time and id of its last item.
struct PagePlace: Sendable {
    let at: Instant
    let id: String

    init?(_ position: [String]?) {
        guard let position, position.count == 2, let microseconds = Int64(position[0]) else { return nil }
        at = Instant(microseconds: microseconds)
        id = position[1]
    }

    static func position<Tag>(_ at: Instant, _ id: TypedID<Tag>) -> [String] {
        [String(at.microseconds), id.description]
    }

    func pair<Tag>() -> (at: Instant, id: TypedID<Tag>)? { TypedID<Tag>(id).map { (at, $0) } }
}
