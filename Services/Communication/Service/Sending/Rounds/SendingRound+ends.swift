import CommunicationAPI
import Core
import Jobs
import Logging
import Postgres
import ProviderConfig
import Telemetry

/// How a round ends: the message is over, waits for its receipt, or comes again; and how that is written.
extension SendingRound {
    /// How long a receipt is waited for before the next channel has its turn; `nil` where there is none, or nothing to wait for.
    func receiptTime(of entry: ProviderEntry) -> Duration? {
        parts.providers.givesReceipts(entry) ? receiptTime(after: entry.channel) : nil
    }

    private func receiptTime(after channel: String) -> Duration? {
        let hasLater = channels.contains { unusable[$0] == nil && place(of: $0) > place(of: channel) }
        return hasLater ? SendingRules.fallbackTime(settings) : nil
    }

    private func place(of channel: String) -> Int { prepared.message.place(of: channel) }

    /// A provider took it: whether it arrived decides about the next channel.
    func awaitReceipt(of entry: ProviderEntry) async throws {
        try await awaitReceipt(
            from: entry,
            entry.channel,
            entry.provider,
            until: .now() + (receiptTime(of: entry) ?? .zero)
        )
    }

    /// Nobody knows whether a provider took it: its receipt tells, or the next channel has its turn.
    func awaitReceipt(after lost: LostReply) async throws {
        try await awaitReceipt(from: nil, lost.channel, lost.provider, until: lost.turn)
    }

    /// - Parameter entry: that took it; `nil` where nobody knows whether it did.
    private func awaitReceipt(
        from entry: ProviderEntry?,
        _ channel: String,
        _ provider: String,
        until: Instant
    ) async throws {
        let writes = pending
        let (message, lane, stage) = (prepared.message, job.lane, place(of: channel) + 1)
        try await persistEnd { [job, parts] in
            try await job.finish { tx in
                try writes.applyOwn(to: message.id, in: tx)
                if let entry {
                    CircuitStore.succeeded(entry, at: .now(), in: tx)
                    try CostsJob.wake(for: entry, of: parts.providers, at: .now(), in: tx)
                }
                try MessageStore.awaitReceipt(message, from: channel, provider, until: until, at: .now(), in: tx)
                try writes.applyNews(in: tx)
                try Jobs.enqueue(
                    ReceiptDeadlineJob.self,
                    payload: .init(message: message.id, stage: stage, until: until),
                    lane: lane,
                    dueAt: until,
                    in: tx
                )
            }
        }
    }

    /// A lost reply that is waited for no longer than for a receipt.
    struct LostReply {
        let channel: String
        let provider: String
        /// When the next channel has its turn.
        let turn: Instant
    }

    /// The message's lost reply, where a later channel has its turn without a receipt.
    ///
    /// What a code is repeated by has rules of its own. An entry that was removed meanwhile is still heard.
    ///
    /// - Parameter entry: whose reply was lost in this round.
    func lostReply(of entry: ProviderEntry? = nil) -> LostReply? {
        guard prepared.message.category != .security else { return nil }
        if let lost = prepared.unresolved {
            let entry = chain.first { $0.id == lost.entryID && $0.provider == lost.provider }
            let time = entry.map { receiptTime(of: $0) } ?? receiptTime(after: lost.channel)
            return time.map { LostReply(channel: lost.channel, provider: lost.provider, turn: lost.startedAt + $0) }
        }
        guard let entry, let time = receiptTime(of: entry) else { return nil }
        return LostReply(channel: entry.channel, provider: entry.provider, turn: .now() + time)
    }

    /// What becomes of a message whose reply was lost before this round.
    ///
    /// An entry that would know the message again is asked again for as long as a receipt is waited for; of any other the receipt
    /// itself is waited for.
    ///
    /// - Returns: whether the run is over.
    func leave(_ lost: LostReply) async throws -> Bool {
        if lost.turn <= .now() {
            try await goOn(at: place(of: lost.channel) + 1)
            return true
        }
        guard parts.usable(chain, for: prepared).isEmpty else { return false }
        try await awaitReceipt(after: lost)
        return true
    }

    /// The next channel has its turn, unless somebody else has done something to the message.
    private func goOn(at stage: Int) async throws {
        let message = prepared.message
        try await persistEnd { [job] in
            try await job.finish { tx in
                guard let present = try MessageStore.lock(message.id, in: tx), present.course == message.course,
                    [.queued, .sending].contains(present.status)
                else { return }
                try MessageStore.goOn(present, at: stage, in: tx)
            }
        }
    }

    func end(_ status: MessageStatus, _ reason: MessageReason?, _ entry: ProviderEntry? = nil) async throws {
        let end = prepared.end(status, reason, by: entry)
        try await persistEnd { [parts, job, prepared, pending] in
            try await parts.transactions.end(prepared.message, end, pending, took: status == .sent ? entry : nil, job)
        }
    }

    /// The provider is well and its rate, or every provider's cap for the day, is used up: the message comes again when there
    /// is room.
    func waitForRate(until moment: Instant) async throws {
        try await putOff(for: .rateLimit, until: prepared.message.expiresAt.map { min($0, moment) } ?? moment)
    }

    /// Whatever is left may be used later only: the message comes again then, if it is still of use.
    func waitForHours(until opening: Instant) async throws {
        guard let expiry = prepared.message.expiresAt, expiry <= opening else {
            return try await putOff(for: .quietHours, until: opening)
        }
        try await end(.expired, SendingRules.expiredAtNight)
    }

    /// The message comes again, and no round is counted.
    func putOff(for wait: MessageWait, until: Instant) async throws {
        try await comeAgain(for: wait, until: until, rounds: prepared.message.rounds)
    }

    /// - Parameter lost: whose turn is not put off.
    private func comeAgain(
        for wait: MessageWait,
        until moment: Instant,
        rounds: Int,
        after lost: LostReply? = nil
    ) async throws {
        let (message, writes) = (prepared.message, pending)
        let until = (lost ?? lostReply()).map { min($0.turn, moment) } ?? moment
        try await persistEnd { [job] in
            try await job.again(at: until) { tx in
                try writes.applyOwn(to: message.id, in: tx)
                try MessageStore.wait(message, for: wait, until: until, rounds: rounds, at: .now(), in: tx)
                try writes.applyNews(in: tx)
            }
        }
    }

    /// The message has expired, or somebody else has done something to it or is at work with it: the next look tells what.
    func lookAgain() async throws {
        let id = id
        // Numbers of what was passed over may be another run's by now; what was called is this one's.
        let writes = pending.filter { !$0.isSkip }
        try await persistEnd { [job] in
            try await job.again(at: .now()) { tx in
                try writes.applyOwn(to: id, in: tx)
                try writes.applyNews(in: tx)
            }
        }
    }

    /// Nobody took it: the job comes again, or this was the last time.
    ///
    /// - Parameter asked: who alone may be asked again; else whoever the message is of use to.
    func endRound(of asked: [ProviderEntry]? = nil) async throws {
        let opening = quietUntil.values.min()
        let left = asked ?? chain.filter { isUsable($0) }
        if let opening, left.isEmpty { return try await waitForHours(until: opening) }
        if let next = left.compactMap({ capped[$0.id] }).min(), left.allSatisfy({ capped[$0.id] != nil }) {
            return try await waitForRate(until: min(next, opening ?? next))
        }
        let rounds = prepared.message.rounds + 1
        var again = left.map { availability[$0.id] ?? .anyTime }
        if let opening { again.append(.shut(until: opening)) }
        var random = SystemRandomNumberGenerator()
        let end = SendingRules.roundEnd(
            outcomes: outcomes,
            closed: chain.allSatisfy { whyUnusable($0) != nil } ? chain.compactMap { whyUnusable($0) } : [],
            rounds: rounds,
            isUnresolved: prepared.unresolved != nil || outcomes.contains(.unknownOutcome),
            openUntil: openUntil,
            nobodyUntil: ProviderAvailability.earliest(again),
            age: .now() - (prepared.message.sendAt ?? prepared.message.createdAt),
            expiresAt: prepared.message.expiresAt,
            now: .now(),
            using: &random
        )
        switch end {
        case .end(let status, let reason):
            // The last try of others is not the last of an entry that has room again tomorrow,
            if status == .failed, let next = left.compactMap({ capped[$0.id] }).min() {
                return try await waitForRate(until: min(next, opening ?? next))
            }
            // nor of a channel that has not had its hours.
            if let opening, status == .failed { return try await waitForHours(until: opening) }
            if status == .unknown, let lost = lostReply(of: asked?.first) { return try await awaitReceipt(after: lost) }
            try await self.end(status, reason)
        case .wait(let wait, let until):
            try await comeAgain(for: wait, until: until, rounds: rounds, after: lostReply(of: asked?.first))
        }
    }

    /// Writes what has happened even if the database is away for a moment: a provider's answer cannot be asked for again.
    func persist<R>(_ write: () async throws -> R) async throws -> R {
        try await job.lease.writing(
            onRetry: {
                job.log.warning("Writing a message's outcome again", metadata: .fields([.messageID: id.description]))
            },
            write
        )
    }

    /// The same for what gives the job back: when nobody knows whether it was committed, the missing job tells that it was.
    func persistEnd(_ write: () async throws -> Void) async throws {
        var isUnknown = false
        try await persist {
            do {
                try await write()
            } catch let error as DatabaseError where error.code == .commitUnknown {
                isUnknown = true
                throw error
            } catch let failure as JobFailure where isUnknown && failure == .leaseLost && job.lease.isHeld {
                return
            }
        }
    }
}
