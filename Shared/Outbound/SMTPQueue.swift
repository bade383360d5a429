import Core

/// Who sends what next: rules only, held under the transport's lock.
///
/// Clinics have their turns one after the other, and so have a clinic's servers. No server, clinic or address holds more than
/// its part of the threads, for whoever holds them all with servers that never answer would hold up everybody's mail.
struct SMTPQueue {
    struct Job: Sendable {
        let envelope: SMTPEnvelope
        /// For whom it is sent; what is for nobody in particular has one part together.
        let clinic: ClinicID?
        let addedAt: Instant
        let deadline: Deadline
        let finish: @Sendable (SMTPResult) -> Void
        /// Where its server is, once that has been looked up.
        fileprivate(set) var addresses: [IPAddress] = []
        /// Whether it counts among the connections to its addresses.
        fileprivate(set) var isConnected = false

        init(
            envelope: SMTPEnvelope,
            clinic: ClinicID?,
            addedAt: Instant,
            deadline: Deadline,
            finish: @escaping @Sendable (SMTPResult) -> Void
        ) {
            self.envelope = envelope
            self.clinic = clinic
            self.addedAt = addedAt
            self.deadline = deadline
            self.finish = finish
        }

        fileprivate var place: Place { Place(host: envelope.server.host, port: envelope.server.port) }
    }

    /// One server, whoever signs in there.
    fileprivate struct Place: Hashable {
        let host: String
        let port: Int
    }

    enum Added { case queued, needsThread, full }

    enum Next {
        /// There is nothing to do: the thread that asked ends.
        case end
        /// A job whose turn it is, and whether there is work for a further thread.
        case job(Job, needsThread: Bool)
    }

    enum Claim {
        /// There is room at its addresses; a kept connection to its server, if there is one.
        case room(Job, SMTPTransfer?)
        /// It waits again.
        case wait
    }

    private struct Idle {
        let server: SMTPServer
        let name: String?
        let transfer: SMTPTransfer
        let since: Instant
    }

    /// One clinic's mails for one server, the oldest first.
    private struct Lane {
        let place: Place
        var jobs: [Job]
    }

    /// Whose turn comes when: the first is next, and goes to the end afterwards.
    private var turns: [ClinicID?] = []
    /// What waits of each that has a turn; never empty.
    private var waiting: [ClinicID?: [Lane]] = [:]
    private var byPlace: [Place: Int] = [:]
    private var byClinic: [ClinicID?: Int] = [:]
    private var byAddress: [IPAddress: Int] = [:]
    private var threads = 0
    private var idle: [Idle] = []
    private var isWatched = false

    /// Takes a job in and says whether a thread is needed for it.
    mutating func add(_ job: Job) -> Added {
        let others = waiting.values.reduce(0) { $0 + Self.count($1) }
        guard others < SMTPTransport.mostWaiting,
            Self.count(waiting[job.clinic] ?? []) < SMTPTransport.mostWaitingPerClinic
        else { return .full }
        insert(job, isFirst: false)
        // Whatever else could run has a thread already, or there is none left.
        guard threads < SMTPTransport.mostThreads, hasTurn(job.clinic), hasRoom(job) else { return .queued }
        threads += 1
        return .needsThread
    }

    /// The next clinic's next server's oldest job that has room.
    mutating func next() -> Next {
        for (turn, clinic) in turns.enumerated() {
            // What has no room is passed over and keeps its turn.
            guard let lane = freeLane(of: clinic) else { continue }
            turns.remove(at: turn)
            let job = take(from: lane, of: clinic)
            byPlace[job.place, default: 0] += 1
            byClinic[job.clinic, default: 0] += 1
            let needsThread = threads < SMTPTransport.mostThreads && turns.contains { freeLane(of: $0) != nil }
            if needsThread { threads += 1 }
            return .job(job, needsThread: needsThread)
        }
        threads -= 1
        return .end
    }

    /// Takes the room that there is at the job's addresses, or has the job wait for it, as the first of its server's.
    mutating func claim(_ job: Job, at addresses: [IPAddress], now: Instant) -> Claim {
        var job = job
        job.addresses = addresses
        guard hasRoom(at: job.addresses) else {
            leave(job)
            insert(job, isFirst: true)
            return .wait
        }
        for address in job.addresses { byAddress[address, default: 0] += 1 }
        job.isConnected = true
        let (server, name) = (job.envelope.server, job.envelope.name)
        guard let kept = idle.firstIndex(where: { $0.server == server && $0.name == name }) else {
            return .room(job, nil)
        }
        let found = idle.remove(at: kept)
        let isFresh = now - found.since < .seconds(SMTPTransfer.longestIdleSeconds)
        return .room(job, isFresh ? found.transfer : nil)
    }

    /// Gives a job's place back; returns connections to be closed outside the lock.
    mutating func done(_ job: Job, keeping transfer: SMTPTransfer?, at now: Instant) -> [SMTPTransfer] {
        leave(job)
        if job.isConnected { for address in job.addresses { Self.decrease(&byAddress, address) } }
        if let transfer {
            let (server, name) = (job.envelope.server, job.envelope.name)
            idle.append(Idle(server: server, name: name, transfer: transfer, since: now))
        }
        let oldest = now - .seconds(SMTPTransfer.longestIdleSeconds)
        let tooMany = max(0, idle.count - SMTPTransport.mostIdle)
        let surplus = idle.enumerated().filter { $0.offset < tooMany || $0.element.since < oldest }.map(\.element)
        idle.removeAll { kept in surplus.contains { $0.transfer === kept.transfer } }
        return surplus.map(\.transfer)
    }

    /// Whether somebody has to see to what waits too long, and nobody does yet.
    mutating func startWatch() -> Bool {
        guard !isWatched, !waiting.isEmpty else { return false }
        isWatched = true
        return true
    }

    /// The jobs whose time went by while they waited, and whether nothing waits any more, so that the watch is over.
    mutating func takeLate(at now: Instant) -> (late: [Job], isOver: Bool) {
        var late: [Job] = []
        for clinic in turns {
            var lanes = waiting[clinic] ?? []
            for lane in lanes.indices {
                late += lanes[lane].jobs.filter { $0.deadline.hasPassed(at: now) }
                lanes[lane].jobs.removeAll { $0.deadline.hasPassed(at: now) }
            }
            lanes.removeAll { $0.jobs.isEmpty }
            waiting[clinic] = lanes.isEmpty ? nil : lanes
        }
        turns.removeAll { waiting[$0] == nil }
        isWatched = !waiting.isEmpty
        return (late, !isWatched)
    }

    /// No thread could be started; the jobs that nobody else will come for are given back.
    mutating func threadFailed() -> [Job] {
        threads -= 1
        guard threads == 0 else { return [] }
        defer { (waiting, turns) = ([:], []) }
        return waiting.values.flatMap { $0.flatMap(\.jobs) }
    }

    private mutating func insert(_ job: Job, isFirst: Bool) {
        if waiting[job.clinic] == nil { turns.append(job.clinic) }
        if let lane = waiting[job.clinic]?.firstIndex(where: { $0.place == job.place }) {
            let place = isFirst ? 0 : waiting[job.clinic]?[lane].jobs.count ?? 0
            waiting[job.clinic]?[lane].jobs.insert(job, at: place)
        } else {
            waiting[job.clinic, default: []].append(Lane(place: job.place, jobs: [job]))
        }
    }

    /// The oldest job of a lane; lane and clinic have their next turn after the others.
    private mutating func take(from index: Int, of clinic: ClinicID?) -> Job {
        var lanes = waiting[clinic] ?? []
        var lane = lanes.remove(at: index)
        let job = lane.jobs.removeFirst()
        if !lane.jobs.isEmpty { lanes.append(lane) }
        waiting[clinic] = lanes.isEmpty ? nil : lanes
        if !lanes.isEmpty { turns.append(clinic) }
        return job
    }

    private mutating func leave(_ job: Job) {
        Self.decrease(&byPlace, job.place)
        Self.decrease(&byClinic, job.clinic)
    }

    /// Where a clinic's next job stands that may go now.
    private func freeLane(of clinic: ClinicID?) -> Int? {
        guard hasTurn(clinic) else { return nil }
        return waiting[clinic]?.firstIndex { lane in lane.jobs.first.map(hasRoom) ?? false }
    }

    private func hasTurn(_ clinic: ClinicID?) -> Bool { byClinic[clinic, default: 0] < SMTPTransport.perClinic }

    private func hasRoom(_ job: Job) -> Bool {
        byPlace[job.place, default: 0] < SMTPTransport.perServer && hasRoom(at: job.addresses)
    }

    private func hasRoom(at addresses: [IPAddress]) -> Bool {
        addresses.allSatisfy { byAddress[$0, default: 0] < SMTPTransport.perAddress }
    }

    private static func count(_ lanes: [Lane]) -> Int { lanes.reduce(0) { $0 + $1.jobs.count } }

    private static func decrease<Key: Hashable>(_ counts: inout [Key: Int], _ key: Key) {
        let count = counts[key, default: 1] - 1
        counts[key] = count == 0 ? nil : count
    }
}
