package import Bus
package import Contracts
import Core
package import Postgres

/// One handler per declared operation.
///
/// A service refuses to start while one is missing.
package struct HandlerTable: Sendable {
    typealias Run = @Sendable (OperationContext) async throws -> BusReply

    struct Entry: Sendable {
        let endpoint: any EndpointDescription
        /// Work that may call others before it commits, so a kept reply must be looked up first.
        let looksUpFirst: Bool
        let run: Run
    }

    private(set) var entries: [String: Entry] = [:]

    package init() {}

    /// An operation that changes state: the whole body is one transaction, with its audit entry and its kept reply.
    package mutating func change<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ body: @escaping @Sendable (Input, OperationContext, borrowing Transaction) throws -> Reply<Output>
    ) {
        add(endpoint, looksUpFirst: false) { context in
            let input = try context.input(Input.self)
            return try await context.dispatcher.commit(context) { tx in try body(input, context, tx) }.answer
        }
    }

    /// An operation that reads in one transaction; a read of health data leaves its audit entry in the same one.
    package mutating func read<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ body: @escaping @Sendable (Input, OperationContext, borrowing Transaction) throws -> Reply<Output>
    ) {
        add(endpoint, looksUpFirst: false) { context in
            let input = try context.input(Input.self)
            return try await context.dispatcher.read(context) { tx in try body(input, context, tx) }
        }
    }

    /// An operation of several steps (password hashing, a provider's call between two transactions).
    ///
    /// When it changes anything it ends with `context.commit`.
    package mutating func steps<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ body: @escaping @Sendable (Input, OperationContext) async throws -> Reply<Output>
    ) {
        add(endpoint, looksUpFirst: true) { context in
            let input = try context.input(Input.self)
            let reply = try await body(input, context)
            if let answer = context.committed.answer { return answer }
            return try await context.dispatcher.finishUncommitted(reply, context)
        }
    }

    /// An operation whose reply is pulled page by page; `page` is `nil` first, then what the last page named.
    package mutating func stream<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ body: @escaping @Sendable (Input, OperationContext, String?, borrowing Transaction) throws -> StreamPage
    ) {
        add(endpoint, looksUpFirst: false) { context in
            let input = try context.input(Input.self)
            return try await context.dispatcher.page(context) { tx in try body(input, context, context.request.page, tx)
            }
        }
    }

    /// An operation whose body comes in pieces, in their order, each with a transaction of its own.
    ///
    /// A piece that was delivered before comes again with the same number and has to be taken as if it were the first time. The
    /// last one is the change: what `finish` does with it commits with the audit entry and the kept reply. All pieces
    /// of a body have the same request id.
    ///
    /// - Parameter drop: undoes what was taken of a body that is refused or breaks off, or that is answered with a kept reply; what
    ///   `finish` has done stays.
    package mutating func pieces<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        take: @escaping @Sendable (Input, BodyPiece, OperationContext, borrowing Transaction) throws -> Void,
        finish: @escaping @Sendable (Input, BodyPiece, OperationContext, borrowing Transaction) throws -> Reply<Output>,
        drop: @escaping @Sendable (OperationContext, borrowing Transaction) throws -> Void
    ) {
        add(endpoint, looksUpFirst: false) { context in
            let input = try context.input(Input.self)
            guard let piece = BodyPiece(context.request) else { throw Problem.malformed("The body has no pieces.") }
            if piece.isBroken {
                try await context.database.transaction(for: context.tenant) { tx in try drop(context, tx) }
                return BusReply(status: BodyPiece.taken)
            }
            do {
                if piece.isLast {
                    return try await context.dispatcher.commit(context) { tx in try finish(input, piece, context, tx) }
                        .answer
                }
                try await context.dispatcher.take(context) { tx in try take(input, piece, context, tx) }
                return BusReply(status: BodyPiece.taken)
            } catch  where !(error is LeavePending) && !Problem.isCommitUnknown(error) {
                // Before the first piece there was nothing.
                if piece.number > 0 { await context.dispatcher.drop(context) { tx in try drop(context, tx) } }
                throw error
            }
        }
    }

    /// The same for an operation of several steps: its body gives no reply where a piece is taken and the next one awaited.
    ///
    /// A request that says nothing of pieces has its whole body with it.
    package mutating func pieces<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        steps body: @escaping @Sendable (Input, BodyPiece, OperationContext) async throws -> Reply<Output>?
    ) {
        add(endpoint, looksUpFirst: true) { context in
            let input = try context.input(Input.self)
            let piece = BodyPiece(context.request) ?? BodyPiece(contentType: "", number: 0, isLast: true)
            guard let reply = try await body(input, piece, context) else { return BusReply(status: BodyPiece.taken) }
            if let answer = context.committed.answer { return answer }
            return try await context.dispatcher.finishUncommitted(reply, context)
        }
    }

    /// Throws, naming them, when a declared operation has no handler or a handler no declaration.
    package func complete(_ endpoints: [any EndpointDescription]) throws(IncompleteHandlers) {
        let declared = Set(endpoints.map(\.name))
        let missing = declared.subtracting(entries.keys).sorted()
        let foreign = Set(entries.keys).subtracting(declared).sorted()
        if !missing.isEmpty || !foreign.isEmpty { throw IncompleteHandlers(missing: missing, foreign: foreign) }
    }

    private mutating func add<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        looksUpFirst: Bool,
        _ run: @escaping Run
    ) {
        precondition(entries[endpoint.name] == nil, "Cannot handle \(endpoint.name) twice")
        entries[endpoint.name] = Entry(endpoint: endpoint, looksUpFirst: looksUpFirst, run: run)
    }
}

/// A service whose handlers and declarations differ.
package struct IncompleteHandlers: Error, CustomStringConvertible {
    package let missing: [String]
    package let foreign: [String]
    package var description: String { "no handler for \(missing); handlers without declaration \(foreign)" }
}

extension OperationContext {
    /// Decodes what the gateway has validated; a difference between the two is this suite's fault, not the client's.
    func input<Input: Wire>(_: Input.Type) throws -> Input {
        try tape.decode(Input.self)
    }
}
