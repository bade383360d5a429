import Core
import Postgres

/// The table `conversation_windows`: who wrote to which of a clinic's WhatsApp numbers when.
enum ConversationWindowStore {
    /// Somebody wrote to a number; what is told late does not shorten a conversation.
    static func note(_ number: String, _ phone: [UInt8], at moment: Instant, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into conversation_windows (clinic_id, number, phone_index, last_inbound_at)
            values (clinic_id(), \(number), \(phone), \(moment))
            on conflict (clinic_id, phone_index, number) do update
                set last_inbound_at = excluded.last_inbound_at
                where conversation_windows.last_inbound_at < excluded.last_inbound_at
            """
        )
    }

    /// A provider says that a message's recipient has not written for a day: until they write again no text goes freely.
    static func close(with message: MessageID, by provider: String, in tx: borrowing Transaction) {
        let long = Instant.now() - ConversationWindows.length
        tx.execute(
            """
            update conversation_windows w set last_inbound_at = least(w.last_inbound_at, \(long)) from messages m
            where m.clinic_id = clinic_id() and m.id = \(message) and w.clinic_id = m.clinic_id
                and w.phone_index = m.phone_index and w.number like \(provider + ":%")
            """
        )
    }

    /// Which numbers may write freely to a message's recipient.
    static func windows(of message: MessageID, in tx: borrowing Transaction) throws -> ConversationWindows {
        try windows(
            tx.rows(
                """
                select w.number, w.last_inbound_at from messages m
                join conversation_windows w on w.clinic_id = m.clinic_id and w.phone_index = m.phone_index
                where m.clinic_id = clinic_id() and m.id = \(message)
                """
            )
        )
    }

    /// Which numbers may write freely to a telephone.
    static func windows(with phone: [UInt8], in tx: borrowing Transaction) throws -> ConversationWindows {
        try windows(
            tx.rows(
                """
                select number, last_inbound_at from conversation_windows
                where clinic_id = clinic_id() and phone_index = \(phone)
                """
            )
        )
    }

    private static func windows(_ rows: Rows) throws -> ConversationWindows {
        var windows = ConversationWindows.none
        for row in rows { windows.lastInbound[try row[0]] = try row[1] as Instant }
        return windows
    }
}
