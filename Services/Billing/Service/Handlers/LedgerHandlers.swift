import BillingAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Reading the books.
struct LedgerHandlers: Sendable {
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        let endpoints = LedgerEndpoints()
        table.read(endpoints.entries) { input, context, tx in try entries(input, context, tx) }
        table.read(endpoints.trialBalance) { _, _, tx in Reply(try LedgerStore.trialBalance(in: tx)) }
    }

    private func entries(
        _ input: LedgerListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<LedgerEntry>> {
        let order = input.sort ?? .oldestFirst
        let list = "ledger \(input.account?.rawValue ?? "") \(input.invoice?.description ?? "") \(order.rawValue)"
        let place = try LedgerPlace(cursors.open(input.cursor, list: list, clinic: context.clinic))
        let limit = input.limit ?? Page<LedgerEntry>.usualLimit
        let found = try LedgerStore.list(input, after: place, count: limit + 1, in: tx)
        let shown = found.prefix(limit)
        var next: String?
        if found.count > limit, let last = shown.last {
            next = cursors.seal(last.place.position, list: list, clinic: context.clinic)
        }
        return Reply(Page(items: shown.map(\.entry), nextCursor: next))
    }
}
