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
    var receivedAt: Instant
}

/// Which inbound messages were answered without a person's doing.
enum AnswerStore {
    /// The question, with its conversation kept from being answered by anybody else to the end of the transaction.
    static func question(_ id: InboundMessageID, in tx: borrowing Transaction) throws -> Question? {
        let rows = try tx.rows(
            """
            select c.id, c.channel, c.sealed, c.contact_index, m.entry_id, m.answered_at is not null, m.received_at
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
            isAnswered: try row[5],
            receivedAt: try row[6]
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

    /// What was confirmed in a question's conversation since, in messages that may have arrived: whether this was, with nothing else
    /// said of messages between it and the question, and how often anything.
    ///
    /// An answer of this very transaction is not written yet, and counts.
    ///
    /// - Parameter stopped: since when the STOP in force holds: what was confirmed before was another one.
    static func confirmations(
        of confirmed: OptOutConfirmation,
        before question: Question,
        since moment: Instant,
        stoppedAt stopped: Instant?,
        in tx: borrowing Transaction
    ) throws -> (isKnown: Bool, count: Int) {
        let both = OptOutConfirmation.allCases.map(\.rawValue)
        let rows = try tx.rows(
            """
            select count(*), coalesce(bool_or(m.command = \(confirmed.rawValue) and m.answered_at > \(stopped ?? moment)
                and not exists (
                select from inbound_messages o
                where o.clinic_id = clinic_id() and o.conversation_id = m.conversation_id and o.command = any (\(both))
                    and o.command <> m.command
                    and o.received_at > m.received_at and o.received_at < \(question.receivedAt))), false)
            from inbound_messages m left join messages a on a.clinic_id = m.clinic_id and a.id = m.answer_id
            where coalesce(a.status, 'queued') <> all (array['failed', 'expired', 'suppressed', 'cancelled'])
                and m.clinic_id = clinic_id() and m.conversation_id = \(question.conversation) and m.command = any (\(both))
                and m.answered_at > \(moment) and m.received_at > \(moment - AnswerRules.answerTime)
            """
        )
        guard let row = rows.first else { return (false, 0) }
        return (try row[1], try row[0])
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
