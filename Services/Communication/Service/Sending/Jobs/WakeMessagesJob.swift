import Core
import Jobs
import Postgres

/// Has messages that wait for quiet hours looked at again once the hours may have changed, so that each goes when it may now.
struct WakeMessagesJob: TransactionalJobHandler {
    /// Whose messages.
    enum Scope: Codable, Sendable, Equatable {
        case contact(ContactID)
        /// The whole clinic's of a lane, in steps: in one night it may have a hundred thousand.
        case clinic(JobLane, after: Place? = nil)
    }

    /// How far a clinic's messages have been gone through.
    struct Place: Codable, Sendable, Equatable {
        let dueAt: Instant
        let job: JobID
    }

    struct Payload: Codable, Sendable {
        let scope: Scope
        /// When the hours changed.
        let changedAt: Instant
    }

    static let name = "messages.wake"
    /// Whoever looked at a message just before the change has put it off by then, and what was accepted just before is held
    /// against present wishes.
    static let settling: Duration = CurrentPreferences.freshFor + .seconds(1)
    /// Jobs that are gone through in one transaction.
    static let step = 1_000

    var step = Self.step

    /// Leaves what is to be done after a clinic's hours, or its time zone, have changed.
    static func leave(afterChangeAt now: Instant, in tx: borrowing Transaction) throws {
        // Critical messages wait for no quiet hours.
        for lane in [JobLane.normal, .bulk] { try leave(.clinic(lane), afterChangeAt: now, in: tx) }
    }

    /// Leaves what is to be done after what a contact wishes has changed.
    static func leave(for contact: ContactID, afterChangeAt now: Instant, in tx: borrowing Transaction) throws {
        try leave(.contact(contact), afterChangeAt: now, in: tx)
    }

    private static func leave(_ scope: Scope, afterChangeAt now: Instant, in tx: borrowing Transaction) throws {
        let payload = Payload(scope: scope, changedAt: now)
        try Jobs.enqueue(Self.self, payload: payload, dueAt: now + settling, in: tx)
    }

    func run(_ changes: [Payload], in tx: borrowing Transaction) throws {
        for change in changes {
            // Those who put one off later knew of the change.
            let waiting = WaitingMessages(putOffBefore: change.changedAt + Self.settling, now: .now())
            switch change.scope {
            case .contact(let contact): try MessageStore.beginAgain(waiting, of: contact, in: tx)
            case .clinic(let lane, let place):
                guard let end = try wake(waiting, lane, after: place, in: tx) else { continue }
                let rest = Payload(scope: .clinic(lane, after: end), changedAt: change.changedAt)
                try Jobs.enqueue(Self.self, payload: rest, in: tx)
            }
        }
    }

    /// Takes one step; gives how far it went, and nothing once it is through.
    private func wake(
        _ waiting: WaitingMessages,
        _ lane: JobLane,
        after place: Place?,
        in tx: borrowing Transaction
    ) throws -> Place? {
        let jobs = try Jobs.waiting(
            for: SendMessageJob.self,
            lane,
            after: place.map { ($0.dueAt, $0.job) } ?? (waiting.now, JobID(high: 0, low: 0)),
            limit: step,
            in: tx
        )
        let woken = try MessageStore.wake(waiting, among: jobs.compactMap(\.payload), in: tx)
        try Jobs.move(
            jobs.compactMap { job in job.payload.flatMap { woken[$0.message] }.map { (job, $0) } },
            lane,
            in: tx
        )
        return jobs.count < step ? nil : jobs.last.map { Place(dueAt: $0.dueAt, job: $0.id) }
    }
}
