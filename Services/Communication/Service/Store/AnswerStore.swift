import CommunicationAPI
import Core
import Postgres

/// Where somebody has written something that is to be answered.
struct Question: Sendable, Equatable {
    var conversation: ConversationID
    var channel: MessageChannel
    /// Whose it is, sealed.
    var sealed: [UInt8]
    var contactIndex: [UInt8]
    /// Whose number or address was written to.
    var entry: ProviderEntryID
    var isAnswered: Bool
}

/// Which inbound messages were answered without a person's doing.
enum AnswerStore {
    /// The question, with its conversation kept from being answered by anybody else to the end of the transaction.
    static func question(_ id: InboundMessageID, in tx: borrowing Transaction) throws -> Question? {
        let rows = try tx.rows(
            """
            select c.id, c.channel, c.sealed, c.contact_index, m.entry_id, m.answered_at is not null
            from inbound_messages m
            join conversations c on c.clinic_id = m.clinic_id and c.id = m.conversation_id
            where m.clinic_id = clinic_id() and m.id = \(id) for no key update of c
            """
        )
        guard let row = rows.first, let channel = MessageChannel(rawValue: try row[1]) else { return nil }
        return Question(
            conversation: try row[0],
            channel: channel,
            sealed: try row[2],
            contactIndex: try row[3],
            entry: try row[4],
            isAnswered: try row[5]
        )
    }

    /// How many messages of a conversation were answered since.
    static func count(
        in conversation: ConversationID,
        since moment: Instant,
        in tx: borrowing Transaction
    ) throws -> Int {
        let rows = try tx.rows(
            """
            select count(*) from inbound_messages
            where clinic_id = clinic_id() and conversation_id = \(conversation) and answered_at > \(moment)
                and received_at > \(moment - AnswerRules.answerTime)
            """
        )
        return try rows.first.map { try $0[0] } ?? 0
    }

    static func note(
        _ answer: MessageID,
        to question: InboundMessageID,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update inbound_messages set answered_at = \(now), answer_id = \(answer)
            where clinic_id = clinic_id() and id = \(question)
            """
        )
    }
}
