import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// A row of `uploads`.
struct StoredUpload: Sendable {
    var id: AttachmentID
    var file: AttachedFile
    var pieces: Int
    var isWhole: Bool
    var createdBy: String
    /// `nil` once a message has it.
    var expiresAt: Instant?
}

/// Uploads and their pieces, in transactions that are opened for the clinic.
struct UploadStore: Sendable {
    private static let purpose = "upload"
    private static let piecePurpose = "upload piece"

    let sealer: ClinicSealer

    /// What of a file is sealed in its row.
    private struct Content: Codable {
        var file: AttachedFile
        var sha256: String?
    }

    /// Begins an upload; `false` when it has begun before.
    func begin(
        _ id: AttachmentID,
        _ file: AttachedFile,
        by actor: String,
        at now: Instant,
        expiresAt: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let sealed = try seal(Content(file: file), of: id)
        let rows = try tx.rows(
            """
            insert into uploads (clinic_id, id, sealed, created_by, created_at, expires_at)
            values (clinic_id(), \(id), \(sealed), \(actor), \(now), \(expiresAt)) on conflict (clinic_id, id) do nothing
            """
        )
        return rows.affected == 1
    }

    /// An upload, kept from others until the transaction ends.
    func lock(_ id: AttachmentID, in tx: borrowing Transaction) throws -> StoredUpload? {
        try tx.rows("\(Self.select) and id = \(id) for update").first.map(decode)
    }

    /// Has the clinic's other uploads wait with their next piece until the transaction ends, so that together they cannot take
    /// more room than there is.
    static func holdRoom(of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute("select pg_advisory_xact_lock(hashtextextended(\("uploads \(clinic)"), 0))")
    }

    /// Bytes of all uploads that no message has.
    static func unusedBytes(in tx: borrowing Transaction) throws -> Int {
        let rows = try tx.rows(
            """
            select coalesce(sum(size), 0)::bigint from uploads where clinic_id = clinic_id() and expires_at is not null
            """
        )
        return try rows.first.map { row in try row[0] } ?? 0
    }

    /// Puts the next piece in.
    func append(_ bytes: [UInt8], to upload: StoredUpload, in tx: borrowing Transaction) throws {
        let (id, place) = (upload.id, upload.pieces)
        let sealed = try sealer.seal(bytes, purpose: Self.piecePurpose, record: "\(id)/\(place)")
        tx.execute(
            """
            insert into upload_pieces (clinic_id, upload_id, place, sealed) values (clinic_id(), \(id), \(place), \(sealed))
            """
        )
        tx.execute(
            """
            update uploads set pieces = pieces + 1, size = size + \(Int64(bytes.count))
            where clinic_id = clinic_id() and id = \(id)
            """
        )
    }

    /// One piece of a file.
    func piece(_ place: Int, of id: AttachmentID, in tx: borrowing Transaction) throws -> [UInt8]? {
        let rows = try tx.rows(
            """
            select sealed from upload_pieces where clinic_id = clinic_id() and upload_id = \(id) and place = \(place)
            """
        )
        return try rows.first.map { row in
            try sealer.open(try row[0], purpose: Self.piecePurpose, record: "\(id)/\(place)")
        }
    }

    /// Lets messages name it.
    func complete(
        _ upload: StoredUpload,
        sha256: [UInt8],
        expiresAt: Instant,
        in tx: borrowing Transaction
    ) throws {
        let sealed = try seal(Content(file: upload.file, sha256: sha256.hex), of: upload.id)
        tx.execute(
            """
            update uploads set is_whole = true, sealed = \(sealed), expires_at = \(expiresAt)
            where clinic_id = clinic_id() and id = \(upload.id)
            """
        )
    }

    /// Those of the uploads named that a message may have; none of them expires before the transaction ends.
    func usable(_ ids: [AttachmentID], at now: Instant, in tx: borrowing Transaction) throws -> [AttachmentID:
        AttachedFile]
    {
        var found: [AttachmentID: AttachedFile] = [:]
        for id in Set(ids).sorted(by: { $0.description < $1.description }) {
            guard var upload = try tx.rows("\(Self.select) and id = \(id)").first.map(decode) else { continue }
            // What a message has already is never deleted, so that a campaign's messages need not wait for one another.
            if upload.expiresAt != nil {
                guard let locked = try lock(id, in: tx) else { continue }
                upload = locked
            }
            guard upload.isWhole, upload.expiresAt.map({ $0 > now }) ?? true else { continue }
            found[id] = upload.file
        }
        return found
    }

    /// From now on it is kept with the message that names it.
    static func keep(_ id: AttachmentID, in tx: borrowing Transaction) {
        tx.execute(
            """
            update uploads set expires_at = null
            where clinic_id = clinic_id() and id = \(id) and expires_at is not null
            """
        )
    }

    /// Deletes an upload whose time is over; gives until when it is kept otherwise, and `nil` where nothing more is to be done.
    static func expire(_ id: AttachmentID, at now: Instant, in tx: borrowing Transaction) throws -> Instant? {
        let rows = try tx.rows(
            "select expires_at from uploads where clinic_id = clinic_id() and id = \(id) for update"
        )
        guard let row = rows.first, let expiresAt: Instant = try row[0] else { return nil }
        guard expiresAt <= now else { return expiresAt }
        delete(id, in: tx)
        return nil
    }

    /// Deletes an upload that does not become whole any more; one that has is left alone.
    static func drop(_ id: AttachmentID, by actor: String, in tx: borrowing Transaction) throws {
        let rows = try tx.rows(
            """
            select 1 from uploads
            where clinic_id = clinic_id() and id = \(id) and created_by = \(actor) and not is_whole for update
            """
        )
        if !rows.isEmpty { delete(id, in: tx) }
    }

    private static func delete(_ id: AttachmentID, in tx: borrowing Transaction) {
        tx.execute("delete from upload_pieces where clinic_id = clinic_id() and upload_id = \(id)")
        tx.execute("delete from uploads where clinic_id = clinic_id() and id = \(id)")
    }

    private static let select: Query = """
        select id, sealed, pieces, size, is_whole, created_by, expires_at from uploads where clinic_id = clinic_id()
        """

    private func seal(_ content: Content, of id: AttachmentID) throws -> [UInt8] {
        try sealer.seal(try JSONWriter.encode(content), purpose: Self.purpose, record: id.description)
    }

    private func decode(_ row: Row) throws -> StoredUpload {
        let id: AttachmentID = try row[0]
        let plain = try sealer.open(try row[1], purpose: Self.purpose, record: id.description)
        var file = try JSONTape(plain).decode(Content.self).file
        let size: Int = try row[3]
        file.size = size
        file.upload = id
        return StoredUpload(
            id: id,
            file: file,
            pieces: try row[2],
            isWhole: try row[4],
            createdBy: try row[5],
            expiresAt: try row[6]
        )
    }
}
