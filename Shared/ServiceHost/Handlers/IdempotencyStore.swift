import Bus
import Contracts
import Core
import Crypto
import Postgres
import ProviderConfig

/// Kept replies: what makes a repeated request an answer instead of a second effect.
struct IdempotencyStore: Sendable {
    static let keptForClients: Duration = .seconds(24 * 3_600)
    static let keptForGateway: Duration = .seconds(600)

    let dataKeys: DataKeyStore

    /// The key of this request with all that needs no transaction: hashes and the clinic's data key.
    func key(for context: OperationContext) async throws -> IdempotencyRecord {
        IdempotencyRecord(
            hash: Self.hash(of: context),
            fingerprint: Self.fingerprint(of: context),
            clinic: context.clinic,
            expires: context.now + (context.request.clientKey ? Self.keptForClients : Self.keptForGateway),
            sealer: try await dataKeys.sealer(for: context.clinic)
        )
    }

    /// The same for all requests with one key, and for no others.
    static func hash(of context: OperationContext) -> [UInt8] {
        // Method and path as declared, and the values that the path has in this request.
        let (endpoint, key) = (context.endpoint, context.idempotencyKey)
        let place =
            [context.clinic.description, context.principal.id, endpoint.verb.rawValue, endpoint.path, key].map {
                Array($0.utf8)
            } + endpoint.pathValues(in: context.tape)
        return digest(place)
    }

    /// What was asked for: the input as it reads, and of a body in pieces all of it.
    private static func fingerprint(of context: OperationContext) -> [UInt8] {
        let digest = BodyPiece(context.request)?.digest ?? ""
        return Array(SHA256.hash(data: context.tape.plain + Array(digest.utf8)))
    }

    /// Looks before an operation of several steps begins.
    func find(_ context: OperationContext) async throws -> BusReply? {
        let key = try await key(for: context)
        do {
            try await context.database.transaction(for: context.tenant) { tx in try key.begin(context, in: tx) }
            return nil
        } catch let kept as IdempotentReplay {
            return kept.answer
        }
    }

    /// SHA-256 of the parts, each with its length before it.
    private static func digest(_ parts: [[UInt8]]) -> [UInt8] {
        var hash = SHA256()
        for part in parts {
            hash.update(data: (0..<4).map { UInt8(truncatingIfNeeded: part.count >> (24 - 8 * $0)) })
            hash.update(data: part)
        }
        return Array(hash.finalize())
    }
}

extension EndpointDescription {
    /// What the path's parameters are in a checked input, in the path's order.
    fileprivate func pathValues(in input: JSONTape) -> [[UInt8]] {
        pathParameters.map { input.source(of: $0) ?? [] }
    }
}

/// One request's place among the kept replies.
struct IdempotencyRecord: Sendable {
    let hash: [UInt8]
    let fingerprint: [UInt8]
    let clinic: ClinicID
    let expires: Instant
    let sealer: ClinicSealer

    /// The number of the advisory lock.
    private var lock: Int64 { hash.prefix(8).reduce(0) { $0 << 8 | Int64($1) } }

    /// Takes the lock.
    ///
    /// Throws `IdempotentReplay` when the work is done already, 409 or `LeavePending` while it is being done.
    func begin(_ context: OperationContext, in tx: borrowing Transaction) throws {
        guard context.mayHaveRun else {
            // A key of the gateway's own, delivered for the first time: nobody else can hold or have used it.
            tx.execute("select pg_try_advisory_xact_lock(\(lock))")
            return
        }
        let rows = try tx.rows(
            """
            select pg_try_advisory_xact_lock(\(lock)), kept.fingerprint, kept.sealed from (select) as one
            left join replies as kept on kept.clinic_id = \(clinic) and kept.key_hash = \(hash) and kept.expires_at > \(context.now)
            """
        )
        guard let row = rows.first else { return }
        let taken: Bool = try row[0]
        guard taken else { throw context.inProgress }
        let known: [UInt8]? = try row[1]
        guard let known, let sealed: [UInt8] = try row[2] else {
            // Only what is past its time gives way: a twin may have committed since this statement began to look, and its reply's
            // key is what tells the two apart.
            tx.execute(
                """
                delete from replies where clinic_id = \(clinic) and key_hash = \(hash) and expires_at <= \(context.now)
                """
            )
            return
        }
        guard known == fingerprint else { throw Problem.keyReused }
        throw IdempotentReplay(answer: try open(sealed))
    }

    /// Whether a reply is kept under it, of this request or of another one with the same key.
    func isKept(at now: Instant, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            "select 1 from replies where clinic_id = \(clinic) and key_hash = \(hash) and expires_at > \(now)"
        )
        return !rows.isEmpty
    }

    /// Keeps the reply in the transaction of the effect.
    func keep(_ answer: BusReply, in tx: borrowing Transaction) throws {
        let sealed = try sealer.seal(answer.encoded(), purpose: "reply", record: hash.hex)
        tx.execute(
            """
            insert into replies (clinic_id, key_hash, fingerprint, sealed, expires_at)
            values (\(clinic), \(hash), \(fingerprint), \(sealed), \(expires))
            """
        )
    }

    private func open(_ sealed: [UInt8]) throws -> BusReply {
        var answer = try BusReply(encoded: try sealer.open(sealed, purpose: "reply", record: hash.hex))
        answer.headers.append(("Idempotency-Replayed", "true"))
        return answer
    }
}

extension Problem {
    static let requestInProgress = Problem(
        409,
        "request_in_progress",
        "A request with this Idempotency-Key is still running.",
        retryable: true,
        retryAfter: 1
    )
    static let keyReused = Problem(
        422,
        "idempotency_key_reused",
        "This Idempotency-Key was used with another request."
    )
}
