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
        var work: SendingWork
        switch try await parts.begin(payload, job) {
        case .over: return try await job.finish()
        case .held(let until): return try await job.again(at: until) { _ in }
        case .ended: return
        case .work(let found): work = found
        }
        let all = try await parts.chain(for: work, job.clinic)
        var chain = parts.usable(all, for: work)
        guard !chain.isEmpty else {
            return try await parts.end(work, .failed, work.reasonWithoutProvider, job)
        }
        let settings = try await parts.settings(of: job.clinic)
        let wanted = work.heed(quietOfClinic: QuietTime(settings: settings))
        chain.removeAll { !wanted.contains($0.channel) }
        guard !chain.isEmpty else {
            return try await parts.end(work, .suppressed, SuppressionRules.notWanted, job)
        }
        let isDone = try await parts.largeFiles.inTurn(work.content.attachments ?? []) {
            work.attachments = try await parts.files(of: work, job)
            if !work.attachments.isEmpty {
                work.fileURL = parts.media.url(of: payload.message, 0, job.clinic, at: .now())
            }
            var walk = ChainWalk(
                parts: parts,
                work: work,
                job: job,
                order: parts.shares.order(chain, for: work, job.clinic),
                channels: Set(all.map(\.channel)).intersection(wanted),
                settings: settings
            )
            try await walk.run()
        }
        if !isDone { try await job.again(at: .now() + LargeFiles.pause) { _ in } }
    }

    /// The lane of a message's jobs.
    static func lane(of priority: MessagePriority) -> JobLane {
        switch priority {
        case .critical: .critical
        case .normal: .normal
        case .bulk: .bulk
        }
    }
}
