import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig

/// A message to be sent, opened and ready.
struct SendingWork: Sendable {
    let message: StoredMessage
    let content: SealedContent
    /// Loaded by `SendingParts.files` when their turn has come.
    var attachments: [Attachment] = []
    /// Where a provider may fetch the first of them.
    var fileURL: String?
    /// The number of the next attempt.
    var nextAttempt: Int
    /// The first attempt of which nobody knows whether the provider took the message; it alone may be repeated.
    let unresolved: StoredAttempt?
    /// Channels whose address is of no use, and why.
    var closed: [String: MessageReason]
    /// Those among them that are closed because the recipient is not to be called, and that no attempt tells of yet.
    let suppressed: [String: MessageReason]
    /// Which of the clinic's WhatsApp numbers the recipient has written to lately.
    let windows: ConversationWindows
    let configuration: CurrentVersions
    let circuits: [ProviderEntryID: PublishedCircuit]
}

/// What sending is made of, shared by all jobs of the process.
struct SendingParts: Sendable {
    /// No call takes longer.
    static let callTime: Duration = .seconds(20)
    /// After its deadline a call is given so long to come back before its attempt counts as lost.
    static let callGrace: Duration = .seconds(10)

    let dataKeys: DataKeyStore
    let store: ProviderConfigStore
    let resolver: ProviderConfigResolver
    let providers: MessageProviders
    let circuits: CircuitBook
    let rates: RateLimiter
    let webhooks: WebhookAddresses
    let index: AddressIndex
    let media: MediaLinks
    let largeFiles = LargeFiles()

    enum Beginning: Sendable {
        /// Nothing to do: cancelled, or sent by a run before this one.
        case over
        /// Ended here, and the job with it.
        case ended
        /// Somebody may still be at work with it.
        case held(until: Instant)
        case work(SendingWork)
    }

    /// Looks at the message: whether it is still to be sent, and what a run that was cut off has left.
    func begin(_ id: MessageID, _ job: JobContext) async throws -> Beginning {
        let now = Instant.now()
        let found = try await job.database.together(for: job.tenant) { [self] tx in
            try look(at: id, now: now, in: tx)
        }
        switch found {
        case .work(let work) where work.message.expiresAt.map { $0 <= now } == true:
            let expired = SendingRules.reason("expired", "It was not sent before it expired.")
            let isUnresolved = work.unresolved != nil
            try await end(work, isUnresolved ? .unknown : .expired, isUnresolved ? SendingRules.lost : expired, job)
            return .ended
        default: return found
        }
    }

    private func look(at id: MessageID, now: Instant, in tx: borrowing Transaction) throws -> Beginning {
        guard let message = try MessageStore.lock(id, in: tx), message.status == .queued || message.status == .sending,
            !message.isAwaitingReceipt
        else { return .over }
        let all = try AttemptStore.all([id], in: tx)[id] ?? []
        // What came before somebody sent it again decides nothing any more.
        var attempts = all.filter { $0.number > message.settledAttempts }
        if let place = attempts.lastIndex(where: { $0.outcome == nil }) {
            let open = attempts[place]
            if let held = open.heldUntil, held > now { return .held(until: held) }
            let lost = ProviderVerdict(
                .unknownOutcome,
                code: "interrupted",
                detail: "The process ended during the call."
            )
            AttemptStore.close(open.number, of: id, lost, latency: nil, in: tx)
            attempts[place].outcome = lost.outcome
            let isRepeatable = MessageProviders.repeatTime(of: open.provider, open.channel) != nil
            let next = SendingRules.next(
                after: lost.outcome,
                isRepeatable: isRepeatable,
                category: message.category
            )
            if case .end(let status, let reason) = next {
                try MessageStore.end(
                    id,
                    status,
                    reason: reason,
                    channel: open.channel,
                    provider: open.provider,
                    by: "system",
                    at: now,
                    in: tx
                )
                return .over
            }
        }
        let clinic = try Self.clinic(of: tx)
        let sealer = try dataKeys.sealer(for: clinic, in: tx)
        let content = try SealedContent.open(message.sealed, of: id, with: sealer)
        let suppressed = try SuppressionStore.blocking(
            index.pairs(of: content.reach, on: message.channels, clinic),
            category: message.category,
            at: now,
            in: tx
        )
        let suppressions = Dictionary(
            uniqueKeysWithValues: suppressed.map { ($0.key.rawValue, SuppressionRules.reason($0.value.reason)) }
        )
        let told = Set(attempts.filter { $0.outcome == .skippedSuppressed }.map(\.channel))
        return .work(
            SendingWork(
                message: message,
                content: content,
                nextAttempt: (all.last?.number ?? 0) + 1,
                unresolved: attempts.first { $0.outcome == .unknownOutcome },
                closed: Dictionary(
                    attempts.compactMap { attempt in
                        SendingRules.closing(attempt.outcome).map { (attempt.channel, $0) }
                    }
                ) { first, _ in first }.merging(suppressions) { $1 },
                suppressed: suppressions.filter { !told.contains($0.key) },
                windows: message.channels.contains(MessageChannel.whatsapp.rawValue)
                    ? try ConversationStore.windows(of: id, in: tx) : .none,
                configuration: try store.currentVersions(clinic, in: tx),
                circuits: try CircuitStore.all(in: tx)
            )
        )
    }

    /// What a clinic has set beside its providers, as `chain` found it in force.
    func settings(of clinic: ClinicID) async throws -> [String: JSONValue] {
        try await resolver.configuration(of: clinic)?.settings ?? [:]
    }

    /// The providers for a message, in the order of its channels; what is kept in memory is never older than the database.
    func chain(for work: SendingWork, _ clinic: ClinicID) async throws -> [ProviderEntry] {
        resolver.invalidate(work.configuration)
        var chain: [ProviderEntry] = []
        for name in work.message.channels.dropFirst(work.message.stage) {
            guard let channel = MessageChannel(rawValue: name), work.content.reach.has(channel) else { continue }
            chain += try await resolver.resolve(clinic, channel: name).entries
        }
        if let files = work.content.attachments {
            chain.removeAll {
                $0.channel == MessageChannel.email.rawValue && !EmailSize.fits(files, through: $0.provider)
            }
        }
        if let first = chain.firstIndex(where: { $0.id == work.content.through }) {
            chain.insert(chain.remove(at: first), at: 0)
        }
        for entry in chain {
            if let published = work.circuits[entry.id] { circuits.follow(published, clinic, entry) }
        }
        guard let unresolved = work.unresolved else { return chain }
        return chain.filter { Self.isRepeatable(unresolved, with: $0, at: .now()) }
    }

    /// Whether an entry would know the message of an attempt again: the same account, and not too late.
    private static func isRepeatable(_ attempt: StoredAttempt, with entry: ProviderEntry, at now: Instant) -> Bool {
        guard entry.id == attempt.entryID, entry.fingerprint == attempt.fingerprint,
            let time = MessageProviders.repeatTime(of: entry.provider, entry.channel)
        else { return false }
        return now - attempt.startedAt < time
    }

    /// Ends a message without an attempt, and its job with it.
    func end(_ work: SendingWork, _ status: MessageStatus, _ reason: MessageReason, _ job: JobContext) async throws {
        let id = work.message.id
        try await job.finish { tx in
            try MessageStore.end(
                id,
                status,
                reason: reason,
                channel: nil,
                provider: nil,
                by: "system",
                at: .now(),
                in: tx
            )
        }
    }

    private static func clinic(of tx: borrowing Transaction) throws -> ClinicID {
        guard let clinic = tx.tenant?.clinic else { throw JobFailure.permanent("no_clinic") }
        return clinic
    }
}
