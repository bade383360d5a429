import AuditLog
import Core
import Jobs
import Logging
import Metrics
import Postgres
import Telemetry

/// Shows a witness the newest checkpoint of a log and keeps its cosignature.
///
/// One waits per log and witness; whatever comes of it, the log is signed on.
struct CosignCheckpoint: JobHandler {
    /// From a checkpoint to its showing: what is signed in between is covered by the later one.
    static let delay: Duration = .seconds(5)
    /// Until a witness that is away is asked again, unless said otherwise.
    static let usualPause: Duration = .seconds(60)
    /// Until one that refused for a reason of its own is asked again.
    static let longPause: Duration = .seconds(3_600)

    struct Payload: Codable, Sendable {
        /// The witness's verifier key.
        var witness: String
    }

    static var name: String { "access.cosign_checkpoint" }

    let client: WitnessClient
    let witnesses: [Witness]
    var pause = usualPause

    /// Has the newest checkpoint of the transaction's clinic shown to all witnesses.
    static func enqueue(
        _ witnesses: [Witness],
        after delay: Duration = delay,
        in tx: borrowing Transaction
    ) throws {
        for witness in witnesses {
            let key = witness.key.description
            try Jobs.enqueue(
                Self.self,
                payload: Payload(witness: key),
                lane: .bulk,
                dueAt: .now() + delay,
                unique: key,
                in: tx
            )
        }
    }

    func run(_ payload: Payload, _ job: JobContext) async throws {
        // One that is configured no more is asked no more.
        guard let witness = witnesses.first(where: { $0.key.description == payload.witness }),
            let first = try await submission(to: witness, from: nil, job)
        else { return try await job.finish() }
        var answer = await client.submit(first.body, to: witness, at: .now())
        if case .conflict(let size) = answer {
            guard size <= first.size, let second = try await submission(to: witness, from: size, job) else {
                return try await settle(.conflict(size: size), witness, first.size, job)
            }
            answer = await client.submit(second.body, to: witness, at: .now())
            return try await settle(answer, witness, second.size, job)
        }
        try await settle(answer, witness, first.size, job)
    }

    /// The newest checkpoint with the proof from what the witness vouched for last; `nil` when it vouched for this one.
    private func submission(
        to witness: Witness,
        from told: Int64?,
        _ job: JobContext
    ) async throws -> (body: AddCheckpoint, size: Int64)? {
        let clinic = job.clinic
        return try await job.database.transaction(for: job.tenant, lane: .background) { tx in
            guard let newest = try CheckpointStore.newest(of: clinic, in: tx) else { return nil }
            let known = try CosignatureStore.newestSize(by: witness.key, of: clinic, in: tx)
            if told == nil, known == newest.size { return nil }
            let old = told ?? known ?? 0
            guard let plan = ProofPlan.consistency(from: old, to: newest.size) else { return nil }
            let nodes = try AuditTreeStore.nodes(plan.positions, of: clinic, in: tx)
            let proof = try plan.hashes { position throws(AuditLogFault) in
                guard let hash = nodes[position] else { throw .missing(seq: position.index << Int64(position.level)) }
                return hash
            }
            return (AddCheckpoint(oldSize: old, proof: proof, checkpoint: newest.note), newest.size)
        }
    }

    private func settle(_ answer: WitnessClient.Answer, _ witness: Witness, _ size: Int64, _ job: JobContext)
        async throws
    {
        Counter(.auditCosignatures, [(.outcome, answer.code)]).increment()
        var fields: [LogKey: String] = [
            .clinicID: "\(job.clinic)", .provider: witness.key.name, .outcome: answer.code,
        ]
        switch answer {
        case .cosigned(let cosignature):
            try await keep(cosignature, by: witness, size, job)
        case .conflict, .inconsistent:
            // Its memory or ours is of another log: a restored database, or worse.
            job.log.critical("a witness saw another audit log than this one", metadata: .fields(fields))
            throw JobFailure.permanent("witness_disagrees")
        case .refused(let reason):
            fields[.reason] = reason
            job.log.error("a witness refused an audit checkpoint", metadata: .fields(fields))
            try await job.again(at: .now() + Self.longPause)
        case .away(let reason):
            fields[.reason] = reason
            job.log.warning("a witness is away", metadata: .fields(fields))
            try await job.again(at: .now() + pause)
        }
    }

    private func keep(_ cosignature: Cosignature, by witness: Witness, _ size: Int64, _ job: JobContext) async throws {
        let clinic = job.clinic
        try await job.finish { tx in
            CosignatureStore.insert(cosignature, by: witness.key, size: size, of: clinic, in: tx)
            // What was signed meanwhile found this job still there and left none of its own.
            guard let newest = try CheckpointStore.newest(of: clinic, in: tx), newest.size > size else { return }
            try Self.enqueue([witness], in: tx)
        }
    }
}

extension WitnessClient.Answer {
    /// For metrics and logs.
    var code: String {
        switch self {
        case .cosigned: "cosigned"
        case .conflict: "conflict"
        case .inconsistent: "inconsistent"
        case .refused: "refused"
        case .away: "away"
        }
    }
}
