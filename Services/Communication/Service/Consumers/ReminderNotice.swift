import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig

/// That a visit is near: decided when its time has come, by how the visit stands then.
struct ReminderNotice: Codable, Sendable, Equatable {
    var appointment: AppointmentID
    var start: Instant
    var reminder: ReminderTime

    /// Leaves a job for each reminder of a visit that is still to come; those of a former time find that it has moved.
    static func leave(for visit: AppointmentState, at now: Instant, in tx: borrowing Transaction) throws {
        let due = ReminderRules.due(for: visit, at: now)
        let fresh = try VisitStore.claim(due.map(\.reminder), of: visit.id, at: visit.start, in: tx)
        for (reminder, due) in due where fresh.contains(reminder) {
            let notice = ReminderNotice(appointment: visit.id, start: visit.start, reminder: reminder)
            try Jobs.enqueue(NoticeJob.self, payload: .reminder(notice), dueAt: due, in: tx)
        }
    }

    /// The message; `nil` when the visit is off or has moved, when it is too late, or when the clinic does not want it.
    func draft(
        at now: Instant,
        on terms: MessageIntake.Terms,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> MessageDraft? {
        let end = start - reminder.lead + reminder.validity
        guard terms.reminders.contains(reminder), now < end,
            let visit = try VisitStore.find(appointment, for: reminder, in: tx), visit.isUpcoming,
            visit.notice.start == start
        else { return nil }
        var draft = try visit.notice.draft(at: now, until: end, sealer: sealer, in: tx)
        if terms.canBeAnswered { draft.data?["canAnswer"] = true }
        return draft
    }
}
