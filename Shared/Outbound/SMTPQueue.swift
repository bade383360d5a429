import Core

/// Who sends what next: rules only, held under the transport's lock.
struct SMTPQueue {
    struct Job: Sendable {
        let envelope: SMTPEnvelope
        let deadline: Deadline
        let finish: @Sendable (SMTPResult) -> Void

        var place: Place { Place(host: envelope.server.host, port: envelope.server.port) }
    }

    /// What the bound on threads counts by: one machine, whoever signs in there.
    struct Place: Hashable {
        let host: String
        let port: Int
    }

    enum Added { case queued, needsThread, full }

    private struct Idle {
        let server: SMTPServer
        let transfer: SMTPTransfer
        let since: Instant
    }

    private var waiting: [Job] = []
    private var running: [Place: Int] = [:]
    private var threads = 0
    private var idle: [Idle] = []

    /// Takes a job in and says whether a thread is needed for it.
    mutating func add(_ job: Job) -> Added {
        guard waiting.count < SMTPTransport.mostWaiting else { return .full }
        waiting.append(job)
        let free = waiting.filter { running[$0.place, default: 0] < SMTPTransport.perServer }.count
        guard threads < SMTPTransport.mostThreads, free > 0 else { return .queued }
        threads += 1
        return .needsThread
    }

    /// The oldest job whose server has room, with a kept connection to it; `nil` ends the thread that asked.
    mutating func next(at now: Instant) -> (Job, SMTPTransfer?)? {
        guard let index = waiting.firstIndex(where: { running[$0.place, default: 0] < SMTPTransport.perServer }) else {
            threads -= 1
            return nil
        }
        let job = waiting.remove(at: index)
        running[job.place, default: 0] += 1
        guard let kept = idle.firstIndex(where: { $0.server == job.envelope.server }) else { return (job, nil) }
        let found = idle.remove(at: kept)
        let isFresh = now - found.since < .seconds(SMTPTransfer.longestIdleSeconds)
        return (job, isFresh ? found.transfer : nil)
    }

    /// Gives a job's place back; returns connections to be closed outside the lock.
    mutating func done(_ job: Job, keeping transfer: SMTPTransfer?, at now: Instant) -> [SMTPTransfer] {
        let count = running[job.place, default: 1] - 1
        running[job.place] = count == 0 ? nil : count
        if let transfer { idle.append(Idle(server: job.envelope.server, transfer: transfer, since: now)) }
        let oldest = now - .seconds(SMTPTransfer.longestIdleSeconds)
        let tooMany = max(0, idle.count - SMTPTransport.mostIdle)
        let surplus = idle.enumerated().filter { $0.offset < tooMany || $0.element.since < oldest }.map(\.element)
        idle.removeAll { kept in surplus.contains { $0.transfer === kept.transfer } }
        return surplus.map(\.transfer)
    }

    /// No thread could be started; the jobs that nobody else will come for are given back.
    mutating func threadFailed() -> [Job] {
        threads -= 1
        guard threads == 0 else { return [] }
        defer { waiting = [] }
        return waiting
    }
}
