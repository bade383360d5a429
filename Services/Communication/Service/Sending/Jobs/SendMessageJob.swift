import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience

/// Sends one message: goes through its chain of providers once, and ends or comes again.
struct SendMessageJob: JobHandler {
    struct Payload: Codable, Sendable {
        let message: MessageID
        /// Which of the message's courses it is the job of; `nil` in jobs of before messages had any.
        var course: Int?
    }

    static let name = "messages.send"
    /// For what fails beside the providers: the database, a key that is not there yet.
    static let retry = RetryPolicy(attempts: 50, base: .seconds(1), cap: .seconds(120), floor: .milliseconds(200))
    static let lease: Duration = .seconds(60)

    let parts: SendingParts

    func run(_ payload: Payload, _ job: JobContext) async throws {
        var prepared: PreparedMessage
        switch try await parts.begin(payload, job) {
        case .over: return try await job.finish()
        case .held(let until): return try await job.again(at: until)
        case .resting(let message, let until):
            return try await job.again(at: until) { tx in
                try MessageStore.wait(message, for: .retry, until: until, rounds: message.rounds, at: .now(), in: tx)
            }
        case .ended: return
        case .ready(let found): prepared = found
        }
        let all = try await parts.chain(for: prepared, job.clinic)
        let settings = try await parts.settings(of: job.clinic)
        let wanted = prepared.applyCurrentPreferences(quietOfClinic: QuietTime(settings: settings))
        let channels = Set(all.map(\.channel)).intersection(wanted)
        var waiting: (round: SendingRound, lost: SendingRound.LostReply)?
        if prepared.unresolved != nil {
            let round = SendingRound(
                parts: parts,
                prepared: prepared,
                job: job,
                order: .init(chain: all),
                channels: channels,
                settings: settings
            )
            if let lost = round.lostReply() {
                if try await round.leave(lost) { return }
                waiting = (round, lost)
            }
        }
        var chain = parts.usable(all, for: prepared)
        guard !chain.isEmpty else {
            return try await parts.end(prepared, .failed, prepared.reasonWithoutProvider, job)
        }
        chain.removeAll { !wanted.contains($0.channel) }
        // Who is not to be asked again may have taken it all the same.
        if chain.isEmpty, let waiting { return try await waiting.round.awaitReceipt(after: waiting.lost) }
        guard !chain.isEmpty else {
            return try await parts.end(prepared, .suppressed, SuppressionRules.notWanted, job)
        }
        let isDone = try await parts.largeFiles.inTurn(prepared.content.attachments ?? [], of: job.clinic) {
            prepared.attachments = try await parts.files(of: prepared, job)
            if !prepared.attachments.isEmpty {
                prepared.fileURL = parts.media.url(of: payload.message, 0, job.clinic, at: .now())
            }
            var round = SendingRound(
                parts: parts,
                prepared: prepared,
                job: job,
                order: parts.shares.order(chain, for: prepared, job.clinic),
                channels: channels,
                settings: settings
            )
            try await round.run()
        }
        if !isDone { try await job.again(at: .now() + LargeFiles.pause) }
    }

    /// Leaves the job of a message's course, in the transaction of what begins it; due at once where nothing else is said.
    static func enqueue(
        _ message: MessageID,
        course: Int,
        priority: MessagePriority,
        dueAt: Instant? = nil,
        in tx: borrowing Transaction
    ) throws {
        try Jobs.enqueue(
            Self.self,
            payload: Payload(message: message, course: course),
            lane: lane(of: priority),
            dueAt: dueAt,
            in: tx
        )
    }

    private static func lane(of priority: MessagePriority) -> JobLane {
        switch priority {
        case .critical: .critical
        case .normal: .normal
        case .bulk: .bulk
        }
    }
}
