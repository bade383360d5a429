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
        for (reminder, due) in ReminderRules.due(for: visit, at: now) {
            guard try VisitStore.claim(reminder, of: visit.id, at: visit.start, in: tx) else { continue }
            let notice = ReminderNotice(appointment: visit.id, start: visit.start, reminder: reminder)
            try Jobs.enqueue(NoticeJob.self, payload: .reminder(notice), dueAt: due, in: tx)
        }
    }

    /// The message; `nil` when the visit is off or has moved, when it is too late, or when the clinic does not want it.
    func draft(
        at now: Instant,
        wanted: [ReminderTime],
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> MessageDraft? {
        let end = start - reminder.lead + reminder.validity
        guard wanted.contains(reminder), now < end,
            let visit = try VisitStore.find(appointment, for: reminder, in: tx), visit.isUpcoming,
            visit.notice.start == start
        else { return nil }
        return try visit.notice.draft(at: now, until: end, sealer: sealer, in: tx)
    }
}
