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
            let sealed = try sealer.seal(file.bytes, purpose: purpose, record: record(message, place))
            tx.gather(NewAttachment(message: message, place: place, sealed: sealed))
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
        return try zip(files, rows).map { file, row in
            let place: Int = try row[0]
            let bytes = try sealer.open(try row[1], purpose: purpose, record: record(message, place))
            return Attachment(file: file, bytes: bytes)
        }
    }

    private static func record(_ message: MessageID, _ place: Int) -> String { "\(message)/\(place)" }
}

/// A row of `message_attachments` that is to be written, after its message.
private struct NewAttachment: GatheredRow {
    let message: MessageID
    let place: Int
    let sealed: [UInt8]

    static func statements(for files: [NewAttachment]) -> [Query] {
        files.map { file in
            """
            insert into message_attachments (clinic_id, message_id, place, sealed)
            values (clinic_id(), \(file.message), \(file.place), \(file.sealed))
            """
        }
    }
}
