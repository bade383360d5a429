import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// A row of `conversations`, its address still sealed.
struct StoredConversation: Sendable {
    var id: ConversationID
    var channel: MessageChannel
    var contactIndex: [UInt8]
    var sealed: [UInt8]
    var openedAt: Instant
    var heardAt: Instant
    /// Those whose address it is, and the patients among them.
    var contacts: [ContactID]
    var patients: [PatientID]
}

/// A row of `inbound_messages`, its text still sealed.
struct StoredInbound: Sendable {
    var id: InboundMessageID
    var conversation: ConversationID
    var provider: String
    var sealed: [UInt8]
    var command: String?
    var answer: MessageID?
    var receivedAt: Instant
}

/// What is shown of conversations.
extension InboundStore {
    /// A conversation is seen by those who may see everybody whose address it is: what is written from a family's phone is
    /// about any of them.
    private static let isSeen: Query = """
        exists (select from contact_identities i join contacts p on p.clinic_id = i.clinic_id and p.id = i.contact_id
                where i.clinic_id = clinic_id() and i.address_index = c.contact_index)
            and not exists (select from contact_identities i
                where i.clinic_id = clinic_id() and i.address_index = c.contact_index
                    and not exists (select from contacts p where p.clinic_id = i.clinic_id and p.id = i.contact_id))
        """

    private static let columns: Query = """
        c.id, c.channel, c.contact_index, c.sealed, c.opened_at, c.heard_at,
        array(select i.contact_id from contact_identities i
            where i.clinic_id = clinic_id() and i.address_index = c.contact_index order by i.contact_id),
        array(select p.patient_id from contact_identities i
            join contacts p on p.clinic_id = i.clinic_id and p.id = i.contact_id
            where i.clinic_id = clinic_id() and i.address_index = c.contact_index and p.patient_id is not null
            order by p.patient_id)
        """

    /// Conversations within the transaction's scope, after a position.
    static func conversations(
        _ request: ConversationSearch,
        after: (Instant, ConversationID)?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredConversation] {
        var query: Query = "select \(columns) from conversations c where c.clinic_id = clinic_id()"
        if let channel = request.channel { query += " and c.channel = \(channel.rawValue)" }
        for contact in [request.contactId, request.patientId?.retagged()].compactMap({ $0 }) {
            query += """
                 and c.contact_index in (select address_index from contact_identities
                    where clinic_id = clinic_id() and contact_id = \(contact))
                """
        }
        if tx.tenant?.scope != .clinic { query += " and \(isSeen)" }
        switch request.sort ?? .heardLastFirst {
        case .heardLastFirst:
            if let (at, id) = after { query += " and (c.heard_at, c.id) < (\(at), \(id))" }
            query += " order by c.heard_at desc, c.id desc limit \(limit)"
        case .heardFirstFirst:
            if let (at, id) = after { query += " and (c.heard_at, c.id) > (\(at), \(id))" }
            query += " order by c.heard_at, c.id limit \(limit)"
        }
        return try tx.rows(query).map(decode)
    }

    /// A conversation within the transaction's scope.
    static func conversation(_ id: ConversationID, in tx: borrowing Transaction) throws -> StoredConversation? {
        var query: Query = "select \(columns) from conversations c where c.clinic_id = clinic_id() and c.id = \(id)"
        if tx.tenant?.scope != .clinic { query += " and \(isSeen)" }
        return try tx.rows(query).first.map(decode)
    }

    /// Messages of a conversation, after a position.
    static func messages(
        of conversation: ConversationID,
        order: InboundOrder,
        after: (Instant, InboundMessageID)?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredInbound] {
        var query: Query = """
            select id, conversation_id, provider, sealed, command, received_at, answer_id from inbound_messages
            where clinic_id = clinic_id() and conversation_id = \(conversation)
            """
        switch order {
        case .newestFirst:
            if let (at, id) = after { query += " and (received_at, id) < (\(at), \(id))" }
            query += " order by received_at desc, id desc limit \(limit)"
        case .oldestFirst:
            if let (at, id) = after { query += " and (received_at, id) > (\(at), \(id))" }
            query += " order by received_at, id limit \(limit)"
        }
        return try tx.rows(query).map { row in
            StoredInbound(
                id: try row[0],
                conversation: try row[1],
                provider: try row[2],
                sealed: try row[3],
                command: try row[4],
                answer: try row[6],
                receivedAt: try row[5]
            )
        }
    }

    private static func decode(_ row: Row) throws -> StoredConversation {
        let channel: String = try row[1]
        return StoredConversation(
            id: try row[0],
            channel: MessageChannel(rawValue: channel) ?? .email,
            contactIndex: try row[2],
            sealed: try row[3],
            openedAt: try row[4],
            heardAt: try row[5],
            contacts: try row[6],
            patients: try row[7]
        )
    }
}
