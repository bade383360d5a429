import AccessAPI
import AuditLog
import Contracts
import Core
import Postgres
import ServiceHost

/// Checkpoints, proofs and keys of a log.
struct AuditProofHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = AuditEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.stream(endpoints.checkpoint) { _, context, _, tx in
            guard let newest = try CheckpointStore.newest(of: context.clinic, in: tx) else { throw Problem.notFound }
            return StreamPage(Array(newest.note.utf8), contentType: "text/plain; charset=utf-8", next: nil)
        }
        table.read(endpoints.checkpoints) { try checkpoints($0, $1, $2) }
        table.read(endpoints.inclusionProof) { try inclusion($0, $1, $2) }
        table.read(endpoints.consistencyProof) { try consistency($0, $1, $2) }
        table.steps(endpoints.keys) { _, _ in
            Reply(VerifierKeyList(items: [.init(verifierKey: parts.audit.signer.verifierKey.description)]))
        }
    }

    private func checkpoints(
        _ query: CheckpointQuery,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<AccessAPI.Checkpoint>> {
        let order = query.sort ?? .smallestFirst
        let list = "checkpoints \(query.from ?? 0) \(query.to ?? .max) \(order.rawValue)"
        let last = try parts.cursors.open(query.cursor, list: list, clinic: context.clinic)?.first.flatMap { Int64($0) }
        let limit = query.limit ?? Page<AccessAPI.Checkpoint>.usualLimit
        let found = try CheckpointStore.list(
            of: context.clinic,
            from: query.from ?? 0,
            to: query.to ?? .max,
            order: order,
            behind: last,
            limit: limit + 1,
            in: tx
        )
        let items = found.map {
            AccessAPI.Checkpoint(size: $0.size, rootHash: $0.root.base64, at: $0.signedAt, note: $0.note)
        }
        return Reply(
            Page(items, limit: limit) { parts.cursors.seal([String($0.size)], list: list, clinic: context.clinic) }
        )
    }

    private func inclusion(
        _ query: InclusionQuery,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Proof> {
        let size = try size(query.size, context, tx)
        guard let plan = ProofPlan.inclusion(of: query.seq, in: size) else {
            throw Problem.invalid([.init(parameter: "seq", "is not in the tree of \(size) entries")])
        }
        return Reply(try Self.proof(plan, size: size, context, tx))
    }

    private func consistency(
        _ query: ConsistencyQuery,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Proof> {
        let size = try size(query.to, context, tx)
        guard let plan = ProofPlan.consistency(from: query.from, to: size) else {
            throw Problem.invalid([.init(parameter: "from", "is more than \(size)")])
        }
        return Reply(try Self.proof(plan, size: size, context, tx))
    }

    /// The size asked for, or the newest checkpoint's.
    private func size(
        _ asked: Int64?,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Int64 {
        let log = try AuditStore.size(of: context.clinic, in: tx)
        if let asked {
            guard asked <= log else { throw Problem.invalid([.init(parameter: "size", "is more than the log has")]) }
            return asked
        }
        guard let newest = try CheckpointStore.newest(of: context.clinic, in: tx) else { throw Problem.notFound }
        return newest.size
    }

    private static func proof(
        _ plan: ProofPlan,
        size: Int64,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Proof {
        let nodes = try AuditTreeStore.nodes(plan.positions, of: context.clinic, in: tx)
        let hashes = try plan.hashes { position throws(AuditLogFault) in
            guard let hash = nodes[position] else { throw .missing(seq: position.index << Int64(position.level)) }
            return hash
        }
        return Proof(hashes: hashes.map(\.base64), size: size)
    }
}
