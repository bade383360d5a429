import CommunicationAPI
import Core
import Postgres
import ProviderConfig

extension ConversationFileStatus: Column {}

/// A row of `inbound_files` without what is in the file.
struct StoredFile: Sendable, Equatable {
    var place: Int
    var status: ConversationFileStatus
    /// Why it is refused or lost.
    var reason: String?
    var contentType: String?
    var size: Int?
}

/// A file that is still to be fetched, and by which entry it came.
struct PendingFile: Sendable {
    var media: InboundText.Media
    var provider: String
    var entry: ProviderEntryID
}

/// The table `inbound_files`, in transactions that are opened for the clinic.
enum InboundFileStore {
    /// Bytes of every piece but the last.
    static let pieceBytes = 192 * 1_024
    /// No file has more.
    static let mostPieces = 1_000
    private static let purpose = "inbound file"
    private static let piecePurpose = "inbound file piece"

    /// Notes files that the provider holds.
    static func note(_ places: [Int], of message: InboundMessageID, at now: Instant, in tx: borrowing Transaction) {
        for place in places {
            tx.execute(
                """
                insert into inbound_files (clinic_id, message_id, place, status, noted_at)
                values (clinic_id(), \(message), \(place), 'pending', \(now))
                """
            )
        }
    }

    /// Keeps a file that came with its message, or notes why not.
    static func add(
        _ file: FetchedFile,
        of message: InboundMessageID,
        _ place: Int,
        with sealer: ClinicSealer,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        note([place], of: message, at: now, in: tx)
        switch file {
        case .kept(let bytes, let type): try keep(bytes, type, of: message, place, with: sealer, at: now, in: tx)
        case .refused(let reason): end(message, place, as: .refused, because: reason, at: now, in: tx)
        case .later: break
        }
    }

    /// A file that is still to be fetched; `nil` once it is.
    static func pending(
        _ message: InboundMessageID,
        _ place: Int,
        with sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> PendingFile? {
        let rows = try tx.rows(
            """
            select m.sealed, m.provider, m.entry_id from inbound_files f
            join inbound_messages m on m.clinic_id = f.clinic_id and m.id = f.message_id
            where f.clinic_id = clinic_id() and f.message_id = \(message) and f.place = \(place) and f.status = 'pending'
            """
        )
        guard let row = rows.first else { return nil }
        let content = try InboundContent.open(try row[0], of: message, with: sealer)
        guard content.media.indices.contains(place) else { return nil }
        return PendingFile(media: content.media[place], provider: try row[1], entry: try row[2])
    }

    static func keep(
        _ bytes: [UInt8],
        _ type: String,
        of message: InboundMessageID,
        _ place: Int,
        with sealer: ClinicSealer,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let rows = try tx.rows(
            """
            update inbound_files set status = 'kept', reason = null, content_type = \(type), size = \(bytes.count),
                noted_at = \(now)
            where clinic_id = clinic_id() and message_id = \(message) and place = \(place) and status = 'pending'
            """
        )
        guard rows.affected == 1 else { return }
        for (number, start) in stride(from: 0, to: max(bytes.count, 1), by: pieceBytes).enumerated() {
            let piece = Array(bytes[start..<min(start + pieceBytes, bytes.count)])
            let record = "\(record(message, place))/\(number)"
            let sealed = try sealer.seal(piece, purpose: piecePurpose, record: record)
            tx.execute(
                """
                insert into inbound_file_pieces (clinic_id, message_id, file_place, place, sealed)
                values (clinic_id(), \(message), \(place), \(number), \(sealed))
                """
            )
        }
    }

    /// Notes that a file will not be kept.
    static func end(
        _ message: InboundMessageID,
        _ place: Int,
        as status: ConversationFileStatus,
        because reason: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update inbound_files set status = \(status.rawValue), reason = \(reason), noted_at = \(now)
            where clinic_id = clinic_id() and message_id = \(message) and place = \(place) and status = 'pending'
            """
        )
    }

    /// The files of some messages, by message and place.
    static func all(
        of messages: [InboundMessageID],
        in tx: borrowing Transaction
    ) throws -> [InboundMessageID: [Int: StoredFile]] {
        guard !messages.isEmpty else { return [:] }
        let rows = try tx.rows(
            """
            select message_id, place, status, content_type, size, reason from inbound_files
            where clinic_id = clinic_id() and message_id = any (\(messages))
            """
        )
        var found: [InboundMessageID: [Int: StoredFile]] = [:]
        for row in rows {
            let file = StoredFile(
                place: try row[1],
                status: try row[2],
                reason: try row[5],
                contentType: try row[3],
                size: try row[4]
            )
            found[try row[0], default: [:]][file.place] = file
        }
        return found
    }

    /// A part of a file of a conversation's message, and whether it is the last; `nil` where there is no such file, and without
    /// bytes where it is not kept or has no such part.
    static func page(
        _ number: Int,
        of message: InboundMessageID,
        _ place: Int,
        in conversation: ConversationID,
        with sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> (status: ConversationFileStatus, bytes: [UInt8]?, isLast: Bool)? {
        let rows = try tx.rows(
            """
            select f.status, coalesce(f.size, 0), f.sealed, p.sealed from inbound_files f
            join inbound_messages m on m.clinic_id = f.clinic_id and m.id = f.message_id
            left join inbound_file_pieces p on p.clinic_id = f.clinic_id and p.message_id = f.message_id
                and p.file_place = f.place and p.place = \(number)
            where f.clinic_id = clinic_id() and f.message_id = \(message) and f.place = \(place)
                and m.conversation_id = \(conversation)
            """
        )
        guard let row = rows.first else { return nil }
        let (status, size): (ConversationFileStatus, Int) = (try row[0], try row[1])
        let (whole, piece): ([UInt8]?, [UInt8]?) = (try row[2], try row[3])
        let (start, end) = (number * pieceBytes, min((number + 1) * pieceBytes, size))
        let file = record(message, place)
        if let piece {
            let bytes = try sealer.open(piece, purpose: piecePurpose, record: "\(file)/\(number)")
            return (status, bytes, end >= size)
        }
        guard let whole, start < max(size, 1) else { return (status, nil, true) }
        return (status, Array(try sealer.open(whole, purpose: purpose, record: file)[start..<end]), end >= size)
    }

    private static func record(_ message: InboundMessageID, _ place: Int) -> String { "\(message)/\(place)" }
}
