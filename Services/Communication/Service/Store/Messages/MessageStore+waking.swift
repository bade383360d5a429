import CommunicationAPI
import Core
import Postgres

/// Messages that wait for the end of quiet hours as they were.
struct WaitingMessages: Sendable {
    let putOffBefore: Instant
    let now: Instant

    /// Those among the clinic's.
    fileprivate var condition: Query {
        "status = 'queued' and waiting_for = 'quiet_hours' and updated_at < \(putOffBefore)"
    }

    /// Has them wait for now, or for the time that they are to be sent at.
    fileprivate var change: Query {
        """
        waiting_for = case when send_at > \(now) then 'schedule' else 'quiet_hours' end,
        next_attempt_at = greatest(send_at, \(now)), updated_at = \(now), version = version + 1
        """
    }
}

/// What a change of quiet hours does to messages that wait for them.
extension MessageStore {
    /// The most messages of one contact that are woken at once; the others go at the hour they wait for.
    private static let mostOfContact = 1_000

    /// Has those among the messages of some jobs looked at again; gives when their jobs are to be due.
    static func wake(
        _ waiting: WaitingMessages,
        among jobs: [SendMessageJob.Payload],
        in tx: borrowing Transaction
    ) throws -> [MessageID: Instant] {
        guard !jobs.isEmpty else { return [:] }
        let rows = try tx.rows(
            """
            update messages set \(waiting.change)
            from unnest(\(jobs.map(\.message)), \(OptionalColumns(jobs.map(\.course)))) as j (message, of_course)
            where clinic_id = clinic_id() and id = j.message and course = coalesce(j.of_course, course)
                and \(waiting.condition)
            returning id, next_attempt_at
            """
        )
        var due: [MessageID: Instant] = [:]
        for row in rows { due[try row[0]] = try row[1] as Instant }
        return due
    }

    /// Has a contact's looked at again, with jobs of their own: those of before do nothing more.
    static func beginAgain(
        _ waiting: WaitingMessages,
        of contact: ContactID,
        in tx: borrowing Transaction
    ) throws {
        let patient: PatientID = contact.retagged()
        let rows = try tx.rows(
            """
            update messages set \(waiting.change), course = course + 1
            where clinic_id = clinic_id() and \(waiting.condition) and id in (
                select id from messages where clinic_id = clinic_id() and patient_id = \(patient) and \(waiting.condition)
                union all
                select m.id from contact_identities i
                join messages m on m.clinic_id = i.clinic_id and m.recipient_index = i.address_index
                where i.clinic_id = clinic_id() and i.contact_id = \(contact) and m.patient_id is null and \(waiting.condition)
                union all
                select m.id from contact_identities i
                join messages m on m.clinic_id = i.clinic_id and m.phone_index = i.address_index
                where i.clinic_id = clinic_id() and i.contact_id = \(contact) and m.patient_id is null and \(waiting.condition)
                limit \(mostOfContact))
            returning id, course, priority, next_attempt_at
            """
        )
        for row in rows {
            try SendMessageJob.enqueue(
                try row[0],
                course: try row[1],
                priority: try row[2],
                dueAt: try row[3],
                in: tx
            )
        }
    }
}
