import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Who is told of which alert.
struct AlertHandlers: Sendable {
    let endpoints: AlertEndpoints
    let dataKeys: DataKeyStore

    func register(in table: inout HandlerTable) {
        table.read(endpoints.read) { [self] _, _, tx in try read(tx) }
        table.read(endpoints.readInstallation) { [self] _, context, tx in
            try context.checkHoldsInstallation()
            return try read(tx)
        }
        table.change(endpoints.put) { [self] draft, context, tx in try put(draft.routes, context, tx) }
        table.change(endpoints.putInstallation) { [self] draft, context, tx in
            try context.checkHoldsInstallation()
            return try put(draft.routes, context, tx)
        }
    }

    private func read(_ tx: borrowing Transaction) throws -> Reply<AlertRoutes> {
        let found = try AlertStore.find(dataKeys: dataKeys, in: tx)
        return Reply(AlertRoutes(routes: found.routes), version: found.version)
    }

    private func put(
        _ routes: [AlertRoute],
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<AlertRoutes> {
        try AlertRules.check(routes)
        let present = try AlertStore.find(forUpdate: true, dataKeys: dataKeys, in: tx)
        try context.checkMatch(version: present.version)
        let version = try AlertStore.save(
            routes,
            after: present.version,
            sealer: try dataKeys.sealer(for: context.clinic, in: tx),
            by: context.principal.id,
            at: context.now,
            in: tx
        )
        // Somebody else has set the first routes a moment ago.
        guard let version else { throw Problem.preconditionFailed }
        return Reply(AlertRoutes(routes: routes), version: version)
    }
}
