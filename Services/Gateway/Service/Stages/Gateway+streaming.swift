import Authorization
import Bus
import Contracts
import Core
import NIOHTTP1

/// Streamed replies are pulled: a page is asked for when the client has taken the one before it.
extension Gateway {
    /// Sends the pages after the first.
    ///
    /// Ends without the last chunk when the stream could not be finished.
    func stream(after first: String, _ exchange: Exchange, to connection: ClientConnection) async {
        guard let operation = exchange.operation, exchange.head.method != .HEAD else { return }
        var next: String? = first
        while let page = next {
            // A client that is gone ends it here, and nothing more is read on its behalf.
            guard await connection.waitForRoom() else { return connection.endStream(complete: false) }
            guard isStillAllowed(operation, exchange),
                let input = try? operation.assembler.assemble(
                    path: parameters(of: exchange),
                    query: exchange.head.query,
                    contentType: nil,
                    body: []
                ),
                let reply = try? await ask(operation, busRequest(operation, exchange, input: input, page: page)),
                reply.status == 200
            else { return connection.endStream(complete: false) }
            connection.send(page: reply.body)
            next = reply.nextPage
        }
        connection.endStream(complete: true)
    }

    private func parameters(of exchange: Exchange) -> Parameters {
        if case .operation(_, let parameters) = exchange.request.route { parameters } else { [] }
    }

    /// Whether what was decided for the first page, or the first piece, still holds.
    func isStillAllowed(_ operation: Operation, _ exchange: Exchange) -> Bool {
        guard !operation.isPublic else { return true }
        guard let caller = exchange.caller, policy.isFresh() else { return false }
        let snapshot = policy.snapshot()
        guard snapshot.refusal(caller, at: .now()) == nil else { return false }
        guard case .permission = operation.guard else { return true }
        if let emergency = exchange.principal.emergency, let user = caller.user, let clinic = exchange.clinic {
            let held = snapshot.emergencies(of: user, in: clinic, at: .now())
            return held.contains { $0.id == emergency.id }
        }
        let decision = snapshot.decide(
            caller,
            clinic: exchange.clinic,
            permission: operation.permission,
            at: .now()
        )
        return decision.scope == exchange.scope
    }
}
