import CommunicationAPI
import Contracts
import Core
import Jobs
import Logging
import Metrics
import ProviderConfig
import Telemetry

/// One round through a message's providers: skip, try, classify, go on; and what is written at each step.
struct SendingRound {
    let parts: SendingParts
    /// What is sent, to the device whose turn it is.
    private(set) var prepared: PreparedMessage
    let job: JobContext
    /// In the order in which they are tried.
    var chain: [ProviderEntry]
    /// Entries that traffic shifting moved before their configured position, and by how many places.
    var promoted: [ProviderEntryID: Int]
    /// All channels that the message may still take, later ones that are not in `chain` included.
    let channels: Set<String>
    /// What the clinic has set beside its providers.
    let settings: [String: JSONValue]

    /// What is still to be written, with the next transaction that is due anyway.
    var pending: [PendingWrite] = []
    var nextNumber: Int
    /// The id of the message's last attempt as far as this round knows: what `MessageStore.startSending` compares.
    private var lastOpening: AttemptID?
    var outcomes: [AttemptOutcome] = []
    /// Channels that are of no use for this message, and why.
    var unusable: [String: MessageReason]
    /// Entries that are of no use for this message, and why.
    var unusableEntries: [ProviderEntryID: MessageReason]
    var openUntil: Instant?
    /// When the providers that were called, or passed over, may be called again.
    var availability: [ProviderEntryID: ProviderAvailability] = [:]
    /// Entries whose cap for the day is used up, and when the next day begins.
    var capped: [ProviderEntryID: Instant] = [:]
    /// Channels in their quiet hours, and when these end.
    var quietUntil: [String: Instant] = [:]

    init(
        parts: SendingParts,
        prepared: PreparedMessage,
        job: JobContext,
        order: TrafficShares.Order,
        channels: Set<String>,
        settings: [String: JSONValue]
    ) {
        self.parts = parts
        self.prepared = prepared
        self.job = job
        chain = order.chain
        promoted = order.promoted
        self.channels = channels
        self.settings = settings
        nextNumber = prepared.nextAttempt
        lastOpening = prepared.message.opening
        unusable = prepared.unusable
        unusableEntries = chain.reduce(into: [:]) { found, entry in
            guard let former = prepared.unusableEntries[entry.id], former.fingerprint == entry.fingerprint else {
                return
            }
            found[entry.id] = former.reason
        }
        for (channel, reason) in prepared.suppressed.sorted(by: { $0.key < $1.key }) {
            guard let entry = chain.first(where: { $0.channel == channel }) else { continue }
            pending.append(.skipped(nextNumber, entry, .skippedSuppressed, detail: reason.detail, at: .now()))
            nextNumber += 1
        }
    }

    var id: MessageID { prepared.message.id }
    var providerIDs: ProviderIDHash { ProviderIDHash(blindIndex: parts.index.blindIndex) }

    mutating func run() async throws {
        var refused: [ProviderEntry] = []
        var place = 0
        while place < chain.count {
            let entry = chain[place]
            if isUsable(entry), !hold(entry) {
                switch parts.circuits.admit(job.clinic, entry, taking: permitTime) {
                case .refused(let view, let isEndpoint):
                    skip(refused: entry, view, isEndpoint: isEndpoint)
                    refused.append(entry)
                case .admitted(let permit):
                    if try await attempt(entry, permit) { return }
                    // It waits for its turn, and somebody else has its place.
                    if chain[place].id != entry.id { continue }
                }
            }
            place += 1
            let isLast = !chain[place...].contains { $0.channel == entry.channel }
            if isLast, try await tryLastResort(on: entry.channel, refused) { return }
        }
        try await endRound()
    }

    /// As long as a call may take, so that no other probe goes beside it.
    private var permitTime: Duration { parts.callTime(for: prepared) + SendingParts.callGrace }

    /// With every circuit of a channel open one message may try, so that the channel never falls silent for good.
    ///
    /// - Returns: whether the message is over, or waits for the provider's rate.
    private mutating func tryLastResort(on channel: String, _ refused: [ProviderEntry]) async throws -> Bool {
        let refused = refused.filter { $0.channel == channel }
        let open = chain.filter { $0.channel == channel && isUsable($0) && capped[$0.id] == nil }
        guard refused.count == open.count else { return false }
        for entry in refused {
            guard
                case .admitted(let permit) = parts.circuits.admit(
                    job.clinic,
                    entry,
                    lastResort: true,
                    taking: permitTime
                )
            else { continue }
            if try await attempt(entry, permit) { return true }
            // One whose cap for the day is used up was not called.
            if capped[entry.id] == nil { return false }
        }
        return false
    }

    /// Whether the entry is of use for this message and its channel is not in quiet hours; says nothing of circuits.
    func isUsable(_ entry: ProviderEntry) -> Bool { whyUnusable(entry) == nil && quietUntil[entry.channel] == nil }

    func whyUnusable(_ entry: ProviderEntry) -> MessageReason? { unusable[entry.channel] ?? unusableEntries[entry.id] }

    /// Tries one provider; `true` when the message is over, or waits for the provider's rate.
    private mutating func attempt(_ entry: ProviderEntry, _ permit: ProviderCircuits.Permit) async throws -> Bool {
        guard let provider = parts.provider(for: entry),
            let message = prepared.outgoing(through: entry, settings: settings, parts: parts, job.clinic)
        else {
            parts.circuits.giveBack(permit, job.clinic, entry)
            outcomes.append(.transient)
            return false
        }
        if let wait = try await takeRate(entry, permit) {
            parts.circuits.giveBack(permit, job.clinic, entry)
            switch wait {
            case .rate(let time):
                if putBack(entry) { return false }
                try await waitForRate(until: .now() + time)
                return true
            case .cap(let time):
                skip(capped: entry, until: .now() + time)
                return false
            }
        }
        let number = nextNumber
        nextNumber += 1
        guard try await open(number, entry, permit) else {
            try await lookAgain()
            return true
        }
        let started = ContinuousClock.now
        let verdict = await provider.send(
            message,
            deadline: .after(min(parts.callTime(for: prepared), job.lease.remaining))
        )
        let latency = ContinuousClock.now - started
        let changes = parts.circuits.settle(permit, verdict, job.clinic, entry)
        Self.count(entry, verdict, latency, isPromoted: promoted[entry.id] != nil)
        outcomes.append(verdict.outcome)
        availability[entry.id] = ProviderAvailability(after: verdict, at: .now())
        let using = AttemptStore.means(of: prepared.message, entry.id, entry.fingerprint)
        pending.append(.closed(number, entry, verdict, latency: latency, using: using))
        if entry.isDefault, let id = verdict.messageID { pending.append(.known(providerIDs.hash(entry.provider, id))) }
        if let write = answering(entry, after: verdict.outcome) { pending.append(write) }
        if let write = finding(after: verdict, by: entry) { pending.append(write) }
        if let view = changes.entry { pending.append(.circuit(entry, view)) }
        await alert(after: verdict, by: entry)
        await CircuitNews.tellInstallation(changes, of: entry, in: job.database, log: job.log)
        let next = SendingRules.next(
            after: verdict.outcome,
            isOfAccount: parts.providers.isOfAccount(verdict.code, of: entry.provider, entry.channel),
            isRepeatable: verdict.isRepeatable,
            category: prepared.message.category
        )
        switch next {
        case .nextProvider: return false
        case .nextProviderOnly(let reason):
            unusableEntries[entry.id] = reason
            return false
        case .nextChannel(let reason):
            if isGone(verdict, entry), prepared.leaveDevice() { return try await attemptNextDevice(entry) }
            unusable[entry.channel] = reason
            return false
        case .sameProvider: try await endRound(of: [entry])
        case .end(.sent, _) where receiptTime(of: entry) != nil: try await awaitReceipt(of: entry)
        case .end(.unknown, let reason):
            if let lost = lostReply(of: entry) {
                try await awaitReceipt(after: lost)
            } else {
                try await end(.unknown, reason, entry)
            }
        case .end(let status, let reason): try await end(status, reason, entry)
        }
        return true
    }

    /// Tries the contact's next device with the provider that has just said that the app on the one before is gone.
    private mutating func attemptNextDevice(_ entry: ProviderEntry) async throws -> Bool {
        guard
            case .admitted(let permit) = parts.circuits.admit(job.clinic, entry, lastResort: true, taking: permitTime)
        else { return false }
        return try await attempt(entry, permit)
    }

    /// Commits that the provider is about to be called; `false` when it must not be.
    private mutating func open(_ number: Int, _ entry: ProviderEntry, _ permit: ProviderCircuits.Permit) async throws
        -> Bool
    {
        let (time, opening, previous) = (parts.callTime(for: prepared), AttemptID(), lastOpening)
        let (message, writes) = (prepared.message, pending)
        let known = entry.isDefault ? providerIDs.hash(entry.provider, message.id.description) : nil
        do {
            // What a provider before has answered is among what is to be written.
            let isOpen = try await persist { [parts, job] in
                if time > SendingParts.callTime { try await job.hold(for: time + SendingParts.callGrace) }
                // After a pause the call has as long as after none.
                let now = Instant.now()
                return try await parts.transactions.open(
                    AttemptOpening(
                        id: opening,
                        previous: previous,
                        number: number,
                        message: message.id,
                        course: message.course,
                        entry: entry,
                        at: now,
                        heldUntil: now + time + SendingParts.callGrace,
                        writes: writes,
                        known: known
                    ),
                    job
                )
            }
            // The clock that no setting can move decides whether the job is still ours to call for.
            try job.lease.check()
            guard isOpen else {
                parts.circuits.giveBack(permit, job.clinic, entry)
                return false
            }
            lastOpening = opening
            pending = []
            return true
        } catch {
            parts.circuits.giveBack(permit, job.clinic, entry)
            throw error
        }
    }

    private static func count(
        _ entry: ProviderEntry,
        _ verdict: ProviderVerdict,
        _ latency: Duration,
        isPromoted: Bool
    ) {
        let labels: [(MetricLabel, String)] = [(.channel, entry.channel), (.provider, entry.provider)]
        Counter(.messageAttempts, labels + [(.outcome, verdict.outcome.rawValue)]).increment()
        if isPromoted { Counter(.messagesShifted, labels).increment() }
        Metrics.Timer(.providerDuration, labels).recordNanoseconds(latency.microseconds * 1_000)
    }
}
