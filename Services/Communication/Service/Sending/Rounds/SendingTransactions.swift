import CommunicationAPI
import Core
import Jobs
import Logging
import Postgres
import ProviderConfig
import Telemetry

/// What sending writes before and after a call: messages of a clinic that are there at the same time share transaction and
/// statements.
struct SendingTransactions: Sendable {
    private let openings: GroupCommit<AttemptOpening, Bool>
    private let endings: GroupCommit<MessageEnding, Bool>

    init(providers: MessageProviders) {
        openings = GroupCommit(waitingFor: SendingParts.company) { openings, tx in
            let going = try MessageStore.startSending(openings, at: .now(), in: tx)
            return try openings.map { opening in
                guard going.contains(opening.id) else { return false }
                try opening.write(in: tx)
                return true
            }
        }
        endings = GroupCommit(waitingFor: SendingParts.company) { endings, tx in
            let ours = try Jobs.delete(endings.map(\.ticket), in: tx)
            let held = endings.filter { ours.contains($0.ticket.id) }
            for ending in held { try ending.write(in: tx) }
            let took = Dictionary(held.compactMap(\.took).map { ($0.id, $0) }) { first, _ in first }
            for entry in took.values { try CostsJob.wake(for: entry, of: providers, at: .now(), in: tx) }
            MessageStore.end(try held.map { ($0.message.id, $0.message.course, try $0.decided(in: tx)) }, in: tx)
            try held.flatMap(\.writes).applyNews(in: tx)
            return endings.map { ours.contains($0.ticket.id) }
        }
    }

    /// Commits that a provider is about to be called; `false` when it must not be: the message has expired, been ended or
    /// begun anew, or another run has opened an attempt of it since this one looked.
    func open(_ opening: AttemptOpening, _ job: JobContext) async throws -> Bool {
        try await openings.perform(
            opening,
            on: job.database,
            for: job.tenant,
            operation: "messages.open",
            isUrgent: job.lane == .critical
        )
    }

    /// Ends a message, and its job with it.
    func end(
        _ message: StoredMessage,
        _ end: MessageEnd,
        _ writes: [PendingWrite],
        took: ProviderEntry?,
        _ job: JobContext
    ) async throws {
        try await job.finish { ticket in
            let ending = MessageEnding(ticket: ticket, message: message, end: end, writes: writes, took: took)
            return try await endings.perform(
                ending,
                on: job.database,
                for: job.tenant,
                operation: "messages.end",
                isUrgent: job.lane == .critical
            )
        }
        let known = end.decided(by: end.standing)
        guard known.status == .failed || known.status == .unknown else { return }
        job.log.notice(
            known.status == .failed ? "A message was not sent" : "What became of a message is not known",
            metadata: .fields([
                .messageID: message.id.description, .reason: known.reason?.code ?? known.status.rawValue,
            ])
        )
    }
}

/// An attempt that is to be opened, with what else is to be written of its message.
struct AttemptOpening: Sendable {
    let id: AttemptID
    /// The message's last one, as far as its run knows: one run alone can add to it.
    let previous: AttemptID?
    let number: Int
    let message: MessageID
    let course: Int
    let entry: ProviderEntry
    let at: Instant
    let heldUntil: Instant
    let writes: [PendingWrite]
    /// What the installation's provider will call the message, hashed.
    let known: [UInt8]?

    fileprivate func write(in tx: borrowing Transaction) throws {
        try writes.applyOwn(to: message, in: tx)
        AttemptStore.open(number, of: message, with: entry, at: at, heldUntil: heldUntil, in: tx)
        if let known { MessageClinicStore.insert(known, in: tx) }
        try writes.applyNews(in: tx)
    }
}

/// A message's end, with what else is to be written of it.
private struct MessageEnding: Sendable {
    let ticket: JobTicket
    let message: StoredMessage
    let end: MessageEnd
    let writes: [PendingWrite]
    let took: ProviderEntry?

    /// How the message ends by what its provider has told until now; what it tells from now on finds the message ended.
    func decided(in tx: borrowing Transaction) throws -> MessageEnd {
        guard end.isBad, !end.standing.isEmpty, let present = try MessageStore.lock(message.id, in: tx) else {
            return end
        }
        return end.decided(by: try AttemptStore.present(of: present, in: tx).standing)
    }

    func write(in tx: borrowing Transaction) throws {
        try writes.applyOwn(to: message.id, in: tx)
        if let took { CircuitStore.succeeded(took, at: end.at, in: tx) }
    }
}
