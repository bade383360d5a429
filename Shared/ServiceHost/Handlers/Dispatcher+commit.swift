import Bus
package import Contracts
import Core
import Logging
import Outbox
import Postgres

extension Dispatcher {
    /// One transaction: the idempotency lock, the body, its audit entry, the kept reply.
    func commit<Output: Wire>(
        _ context: OperationContext,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Reply<Output>
    ) async throws -> (reply: Reply<Output>, answer: BusReply) {
        guard context.endpoint.keepsReplies else {
            return try await database.transaction(for: context.tenant) { tx in
                let reply = try body(tx)
                return (reply, try context.answer(reply.output, reply))
            }
        }
        let key = try await replies.key(for: context)
        do {
            return try await database.transaction(for: context.tenant) { tx in
                try key.begin(context, in: tx)
                let reply = try body(tx)
                let answer = try context.answer(reply.output, reply)
                try Outbox.appendAudit(context.auditRecord(.succeeded, reply.audit), in: tx)
                try key.keep(reply.replayed.map { try context.answer($0, reply) } ?? answer, in: tx)
                return (reply, answer)
            }
        } catch let error as DatabaseError where error.constraint == "replies_pkey" {
            // Two deliveries passed the look-up together; the other one's effect stands, this one's is undone.
            throw context.inProgress
        }
    }

    /// Takes a piece of a body that is not its last, unless a reply is kept under the client's key: then the last piece gives it,
    /// or tells that this is another body, and nothing of this one is needed.
    func take(
        _ context: OperationContext,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async throws {
        let key = try await context.request.clientKey ? replies.key(for: context) : nil
        try await database.transaction(for: context.tenant) { tx in
            if let key, try key.isKept(at: context.now, in: tx) { return }
            try body(tx)
        }
    }

    /// Undoes what was taken of a body before the piece that is answered with something else; what stays of it for want of a
    /// database expires.
    func drop(
        _ context: OperationContext,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async {
        do {
            try await database.transaction(for: context.tenant) { tx in try body(tx) }
        } catch {
            context.log.warning("pieces stay", metadata: ["error_type": "\(type(of: error))"])
        }
    }

    func read<Output: Wire>(
        _ context: OperationContext,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Reply<Output>
    ) async throws -> BusReply {
        let (answer, detail) = try await database.read(for: context.tenant) { tx in
            let reply = try body(tx)
            return (try context.answer(reply.output, reply), reply.audit)
        }
        // What was read leaves this process only when the entry about it is committed.
        if case .read = context.endpoint.audit {
            try await auditWriter.write(context.auditRecord(.succeeded, detail))
        }
        return answer
    }

    /// The first page of an audited stream leaves the entry; the following ones belong to the same read.
    func page(
        _ context: OperationContext,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> StreamPage
    ) async throws -> BusReply {
        let page = try await database.read(for: context.tenant) { tx in try body(tx) }
        if case .read = context.endpoint.audit, context.request.page == nil {
            try await auditWriter.write(context.auditRecord(.succeeded, AuditDetail()))
        }
        return BusReply(
            status: context.endpoint.status,
            contentType: page.contentType,
            headers: page.headers,
            body: page.chunk,
            nextPage: page.next
        )
    }

    /// An operation of several steps that came to its answer without changing anything (a refresh replayed, a read).
    func finishUncommitted<Output: Wire>(_ reply: Reply<Output>, _ context: OperationContext) async throws -> BusReply {
        guard case .change = context.endpoint.audit else { return try context.answer(reply.output, reply) }
        try await auditWriter.write(context.auditRecord(.succeeded, reply.audit))
        return try context.answer(reply.output, reply)
    }

    /// A refused change or an audited read of what is not there leaves an entry of its own; if that cannot be written
    /// the refusal is not sent either.
    func recordFailure(_ problem: Problem, _ context: OperationContext) async throws {
        switch context.endpoint.audit {
        case .none, .login: return
        case .read where problem.status != 404 && problem.status != 403: return
        case .read, .change: break
        }
        let denied = problem.status == 403 || problem.status == 404 || problem.status == 401
        try await auditWriter.write(
            context.auditRecord(denied ? .denied : .failed, AuditDetail(reason: problem.code))
        )
    }

    /// A refusal by a policy newer than the gateway's is recorded whatever the operation's audit class.
    func recordDenial(_ problem: Problem, _ context: OperationContext) async throws {
        try await auditWriter.write(context.auditRecord(.denied, AuditDetail(reason: problem.code)))
    }
}

extension OperationContext {
    /// The bus reply for an output; `EmptyOutput` and 204 have no body.
    func answer<Output: Wire>(_ output: Output, _ reply: Reply<Output>) throws -> BusReply {
        let status = reply.status ?? endpoint.status
        assert(endpoint.successStatuses.contains(status), "\(endpoint.name) does not declare that it answers \(status)")
        var headers: [(String, String)] = []
        if let version = reply.version { headers.append(("ETag", "\"\(version)\"")) }
        if let location = reply.location { headers.append(("Location", location)) }
        if output is EmptyOutput {
            return BusReply(
                status: status,
                contentType: "",
                headers: headers,
                body: [],
                nextPage: nil
            )
        }
        return BusReply(
            status: status,
            contentType: reply.written?.contentType ?? "application/json",
            headers: headers,
            body: try reply.written?.bytes ?? JSONWriter.encode(output),
            nextPage: nil
        )
    }

    /// The entry of this operation: ids only.
    package func auditRecord(_ outcome: AuditRecord.Outcome, _ detail: AuditDetail) -> AuditRecord {
        AuditRecord(
            id: AuditEntryID(at: now),
            at: now,
            clinicId: clinic,
            actor: AuditRecord.Actor(principal),
            action: endpoint.auditAction,
            resource: AuditRecord.Resource(
                type: endpoint.resource,
                id: detail.resourceID ?? endpoint.resourceID(in: tape)
            ),
            patientId: detail.patient ?? principal.emergency?.patient ?? principal.patient,
            breakGlassId: principal.emergency?.id,
            outcome: outcome,
            reason: detail.reason,
            requestId: requestID,
            source: AuditRecord.Source(address: source.address, userAgent: source.userAgent),
            count: nil
        )
    }
}

extension EndpointDescription {
    /// What the path names last, read from the checked input: the resource an entry is about.
    func resourceID(in input: JSONTape) -> String {
        pathParameters.last.flatMap { input.text(of: $0) } ?? ""
    }
}
