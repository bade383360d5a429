import Core
import Postgres

/// The table `offers`: times to choose from, by conversation.
enum OfferStore {
    /// Times that were offered for a visit, in the order of their numbers.
    struct Offer: Sendable, Equatable {
        var appointment: AppointmentID
        var starts: [Instant]
    }

    /// What was offered last in a conversation and still holds; `nil` where nothing does.
    static func find(
        _ conversation: ConversationID,
        of clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Offer? {
        let rows = try tx.rows(
            """
            select appointment_id, starts_at from offers
            where clinic_id = \(clinic) and conversation_id = \(conversation) and expires_at > \(now) order by number
            """
        )
        guard let first = rows.first else { return nil }
        return Offer(appointment: try first[0], starts: try rows.map { try $0[1] })
    }

    /// Keeps an offer in the place of any other of the conversation.
    static func keep(
        _ offer: Offer,
        in conversation: ConversationID,
        of clinic: ClinicID,
        until end: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute("delete from offers where clinic_id = \(clinic) and conversation_id = \(conversation)")
        tx.execute(
            """
            insert into offers (clinic_id, conversation_id, number, appointment_id, starts_at, expires_at)
            select \(clinic), \(conversation), o.number, \(offer.appointment), o.starts_at, \(end)
            from unnest(\(offer.starts)) with ordinality as o (starts_at, number)
            """
        )
    }

    /// Ends what was offered in a conversation for one visit; an offer for another one holds.
    static func withdraw(
        _ conversation: ConversationID,
        about visit: AppointmentID,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            delete from offers
            where clinic_id = \(clinic) and conversation_id = \(conversation) and appointment_id = \(visit)
            """
        )
    }
}
