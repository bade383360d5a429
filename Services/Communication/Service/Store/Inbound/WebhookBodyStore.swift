import Core
import Postgres
import ProviderConfig

/// The tables `notice_bodies` and `notice_pieces`: webhooks whose last piece is still to come, in transactions that are opened
/// for the clinic.
struct WebhookBodyStore: Sendable {
    private static let purpose = "notice piece"

    let sealer: ClinicSealer

    /// How far a body has come.
    struct Progress: Sendable, Equatable {
        var pieces: Int
        /// In bytes.
        var size: Int
        let begunAt: Instant
        let expiresAt: Instant
    }

    /// Begins a body; `false` when it has begun before.
    static func begin(
        _ id: RequestID,
        of provider: String,
        at now: Instant,
        expiresAt: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        try tx.rows(
            """
            insert into notice_bodies (clinic_id, id, provider, begun_at, expires_at)
            values (clinic_id(), \(id), \(provider), \(now), \(expiresAt)) on conflict (clinic_id, id) do nothing
            """
        ).affected == 1
    }

    /// A body, kept from others until the transaction ends.
    static func lock(_ id: RequestID, in tx: borrowing Transaction) throws -> Progress? {
        let rows = try tx.rows(
            """
            select pieces, size, begun_at, expires_at from notice_bodies where clinic_id = clinic_id() and id = \(id) for update
            """
        )
        return try rows.first.map {
            Progress(pieces: try $0[0], size: try $0[1], begunAt: try $0[2], expiresAt: try $0[3])
        }
    }

    /// Has the clinic's other bodies wait with their next piece until the transaction ends, and gives the bytes of all of them
    /// that can still become whole.
    static func holdRoom(of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) throws -> Int {
        tx.execute("select pg_advisory_xact_lock(hashtextextended(\("notices \(clinic)"), 0))")
        let rows = try tx.rows(
            """
            select coalesce(sum(size), 0)::bigint from notice_bodies where clinic_id = clinic_id() and expires_at > \(now)
            """
        )
        return try rows.first.map { try $0[0] } ?? 0
    }

    /// Bytes of everybody's bodies that are still to be whole.
    ///
    /// Runs with the `lookup` role, which crosses clinics.
    static func inAll(at now: Instant, in tx: borrowing Transaction) throws -> Int {
        let rows = try tx.rows(
            "select coalesce(sum(size), 0)::bigint from notice_bodies where expires_at > \(now)"
        )
        return try rows.first.map { try $0[0] } ?? 0
    }

    /// Puts the next piece in.
    func append(
        _ bytes: [UInt8],
        to id: RequestID,
        at place: Int,
        expiresAt: Instant,
        in tx: borrowing Transaction
    ) throws {
        let sealed = try sealer.seal(bytes, purpose: Self.purpose, record: "\(id)/\(place)")
        tx.execute(
            """
            insert into notice_pieces (clinic_id, notice_id, place, sealed) values (clinic_id(), \(id), \(place), \(sealed))
            """
        )
        tx.execute(
            """
            update notice_bodies set pieces = pieces + 1, size = size + \(Int64(bytes.count)), expires_at = \(expiresAt)
            where clinic_id = clinic_id() and id = \(id)
            """
        )
    }

    /// All that came of a body; `nil` where it is gone.
    func whole(_ id: RequestID, in tx: borrowing Transaction) throws -> [UInt8]? {
        guard let progress = try Self.lock(id, in: tx) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(progress.size)
        for place in 0..<progress.pieces {
            let rows = try tx.rows(
                """
                select sealed from notice_pieces where clinic_id = clinic_id() and notice_id = \(id) and place = \(place)
                """
            )
            guard let row = rows.first else { return nil }
            bytes += try sealer.open(try row[0], purpose: Self.purpose, record: "\(id)/\(place)")
        }
        return bytes
    }

    static func delete(_ id: RequestID, in tx: borrowing Transaction) {
        tx.execute("delete from notice_pieces where clinic_id = clinic_id() and notice_id = \(id)")
        tx.execute("delete from notice_bodies where clinic_id = clinic_id() and id = \(id)")
    }

    /// Deletes a body that came no further; gives until when it is kept otherwise, and `nil` where nothing more is to be done.
    static func expire(_ id: RequestID, at now: Instant, in tx: borrowing Transaction) throws -> Instant? {
        let rows = try tx.rows(
            "select expires_at from notice_bodies where clinic_id = clinic_id() and id = \(id) for update"
        )
        guard let row = rows.first else { return nil }
        let expiresAt: Instant = try row[0]
        guard expiresAt <= now else { return expiresAt }
        delete(id, in: tx)
        return nil
    }
}
