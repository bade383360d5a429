import CommunicationAPI
import Core
import Postgres

/// Reads of the tables `conversations` and `inbound_messages`, in transactions that are opened for the clinic.
enum InboxStore {
    /// A conversation, its address still sealed.
    struct StoredConversation: Sendable {
        var id: ConversationID
        var channel: MessageChannel
        var sealed: [UInt8]
        var contactIndex: [UInt8]
        var patients: [PatientID]
        var openedAt: Instant
        var heardAt: Instant
    }

    /// What was written, still sealed.
    struct StoredInbound: Sendable {
        var id: InboundMessageID
        var sealed: [UInt8]
        var command: String?
        var answer: MessageID?
        var receivedAt: Instant
    }

    /// Those behind the last one shown, last heard first.
    ///
    /// - Parameters:
    ///   - patient: whose address it is.
    ///   - own: the patient whose conversations alone may be seen.
    static func conversations(
        of patient: PatientID?,
        own: PatientID?,
        before place: (at: Instant, id: String)?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredConversation] {
        var query: Query = """
            select c.id, c.channel, c.sealed, c.contact_index, c.opened_at, c.heard_at, array(
                select k.patient_id from contact_identities i
                join contacts k on k.clinic_id = i.clinic_id and k.id = i.contact_id
                where i.clinic_id = c.clinic_id and i.address_index = c.contact_index and k.patient_id is not null
                order by k.patient_id)
            from conversations c where c.clinic_id = clinic_id()
            """
        for patient in [patient, own].compactMap({ $0 }) { query += isOf(patient) }
        if let place, let id = ConversationID(place.id) {
            query += " and (c.heard_at, c.id) < (\(place.at), \(id))"
        }
        query += " order by c.heard_at desc, c.id desc limit \(limit)"
        return try tx.rows(query).compactMap { row in
            guard let channel = MessageChannel(rawValue: try row[1]) else { return nil }
            return StoredConversation(
                id: try row[0],
                channel: channel,
                sealed: try row[2],
                contactIndex: try row[3],
                patients: try row[6],
                openedAt: try row[4],
                heardAt: try row[5]
            )
        }
    }

    /// Whether there is such a conversation, and it may be seen.
    static func isThere(_ id: ConversationID, own: PatientID?, in tx: borrowing Transaction) throws -> Bool {
        var query: Query = "select from conversations c where c.clinic_id = clinic_id() and c.id = \(id)"
        if let own { query += isOf(own) }
        return try !tx.rows(query).isEmpty
    }

    /// What was written behind the last one shown, newest first.
    static func messages(
        in conversation: ConversationID,
        before place: (at: Instant, id: String)?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredInbound] {
        var query: Query = """
            select id, sealed, command, answer_id, received_at from inbound_messages
            where clinic_id = clinic_id() and conversation_id = \(conversation)
            """
        if let place, let id = InboundMessageID(place.id) {
            query += " and (received_at, id) < (\(place.at), \(id))"
        }
        query += " order by received_at desc, id desc limit \(limit)"
        return try tx.rows(query).map { row in
            StoredInbound(
                id: try row[0],
                sealed: try row[1],
                command: try row[2],
                answer: try row[3],
                receivedAt: try row[4]
            )
        }
    }

    private static func isOf(_ patient: PatientID) -> Query {
        let contact: ContactID = patient.retagged()
        return """
             and exists (select from contact_identities i where i.clinic_id = c.clinic_id
                and i.address_index = c.contact_index and i.contact_id = \(contact))
            """
    }
}
