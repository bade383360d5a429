import Bus
import Core
import Jobs
import Postgres
import ProviderConfig

/// What is in the files of messages, sealed; their names stand in the message's sealed content.
enum AttachmentStore {
    private static let purpose = "attachment"

    static func insert(
        _ files: [Attachment],
        of message: MessageID,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws {
        for (place, file) in files.enumerated() {
            var sealed: [UInt8]?
            if let upload = file.file.upload {
                UploadStore.keep(upload, in: tx)
            } else {
                sealed = try sealer.seal(file.bytes, purpose: purpose, record: record(message, place))
            }
            tx.gather(NewAttachment(message: message, place: place, sealed: sealed, upload: file.file.upload))
        }
    }

    /// The files of a message, in their order.
    static func load(
        _ files: [AttachedFile],
        of message: MessageID,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> [Attachment] {
        guard !files.isEmpty else { return [] }
        let rows = try tx.rows(
            """
            select place, sealed from message_attachments where clinic_id = clinic_id() and message_id = \(message)
            order by place
            """
        )
        guard rows.count == files.count else { throw JobFailure.permanent("attachment_missing") }
        var loaded: [Attachment] = []
        for (file, row) in zip(files, rows) {
            let place: Int = try row[0]
            let bytes =
                if let upload = file.upload {
                    try uploaded(upload, size: file.size, sealer: sealer, in: tx)
                } else {
                    try sealer.open(try row[1], purpose: purpose, record: record(message, place))
                }
            loaded.append(Attachment(file: file, bytes: bytes))
        }
        return loaded
    }

    /// A part of one file, and whether it is the last; `nil` where there is none.
    static func page(
        _ number: Int,
        of file: AttachedFile,
        at place: Int,
        of message: MessageID,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> (bytes: [UInt8], isLast: Bool)? {
        let start = number * BodyPiece.bytes
        guard number >= 0, start < file.size else { return nil }
        if let upload = file.upload {
            let piece = try UploadStore(sealer: sealer).piece(number, of: upload, in: tx)
            return piece.map { ($0, start + $0.count >= file.size) }
        }
        let rows = try tx.rows(
            """
            select sealed from message_attachments
            where clinic_id = clinic_id() and message_id = \(message) and place = \(place)
            """
        )
        guard let row = rows.first else { return nil }
        let bytes = try sealer.open(try row[0], purpose: purpose, record: record(message, place))
        let end = min(start + BodyPiece.bytes, bytes.count)
        return (Array(bytes[start..<end]), end == bytes.count)
    }

    private static func uploaded(
        _ id: AttachmentID,
        size: Int,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> [UInt8] {
        let store = UploadStore(sealer: sealer)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        var place = 0
        while bytes.count < size, let piece = try store.piece(place, of: id, in: tx) {
            bytes += piece
            place += 1
        }
        guard bytes.count == size else { throw JobFailure.permanent("attachment_missing") }
        return bytes
    }

    private static func record(_ message: MessageID, _ place: Int) -> String { "\(message)/\(place)" }
}

/// A row of `message_attachments` that is to be written, after its message.
private struct NewAttachment: BatchedRow {
    let message: MessageID
    let place: Int
    /// Absent of a file that was uploaded.
    let sealed: [UInt8]?
    let upload: AttachmentID?

    static func statements(for files: [NewAttachment]) -> [Query] {
        files.map { file in
            """
            insert into message_attachments (clinic_id, message_id, place, sealed, upload_id)
            values (clinic_id(), \(file.message), \(file.place), \(file.sealed), \(file.upload))
            """
        }
    }
}
