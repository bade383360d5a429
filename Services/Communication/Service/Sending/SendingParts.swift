import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig

/// What sending is made of, shared by all jobs of the process.
struct SendingParts: Sendable {
    /// No call takes longer, but for what its files take.
    static let callTime: Duration = .seconds(20)
    /// Bytes a second that files are given time for; a provider that takes them more slowly is not waited for.
    static let slowestRate = 256 << 10
    /// No call takes longer, however large its files.
    static let longestCallTime: Duration = .seconds(150)
    /// After its deadline a call is given so long to come back before its attempt counts as lost.
    static let callGrace: Duration = .seconds(10)
    /// How many of a busy clinic's messages take a step together, and how long the first of them waits for the others.
    static let company = GroupCompany(size: 16, patience: .milliseconds(8))

    let dataKeys: DataKeyStore
    let resolver: ProviderConfigResolver
    let providers: MessageProviders
    let transports: ProviderTransports
    let circuits: ProviderCircuits
    let shares: TrafficShares
    let rates: RateLimiter
    let webhooks: WebhookAddresses
    let index: AddressIndex
    let media: MediaLinks
    let largeFiles = LargeFiles()
    let transactions: SendingTransactions
    private let plainCallTime: Duration
    private let lookup: GroupCommit<MessageID, SendingLookup.Finding>

    init(
        dataKeys: DataKeyStore,
        store: ProviderConfigStore,
        resolver: ProviderConfigResolver,
        providers: MessageProviders,
        transports: ProviderTransports,
        circuits: ProviderCircuits,
        receipts: ReceiptLatencies,
        rates: RateLimiter,
        webhooks: WebhookAddresses,
        index: AddressIndex,
        media: MediaLinks,
        callTime: Duration = SendingParts.callTime
    ) {
        self.dataKeys = dataKeys
        self.resolver = resolver
        self.providers = providers
        self.transports = transports
        transactions = SendingTransactions(providers: providers)
        self.circuits = circuits
        shares = TrafficShares(circuits: circuits, receipts: receipts)
        self.rates = rates
        self.webhooks = webhooks
        self.index = index
        self.media = media
        plainCallTime = callTime
        let lookup = SendingLookup(dataKeys: dataKeys, store: store, index: index, providers: providers)
        self.lookup = GroupCommit(waitingFor: Self.company) { ids, tx in try lookup.find(ids, at: .now(), in: tx) }
    }

    /// `nil` for a provider this version does not have, or credentials that an older one stored otherwise.
    func provider(for entry: ProviderEntry) -> (any MessageProvider)? {
        providers.provider(for: entry, through: transports)
    }

    /// How long a call may take that hands a message over.
    func callTime(for prepared: PreparedMessage) -> Duration {
        guard !prepared.attachments.isEmpty else { return plainCallTime }
        return Self.callTime(carrying: EmailSize.estimate(prepared.attachments.map(\.file)))
    }

    /// How long a call may take that carries so many bytes of files.
    static func callTime(carrying bytes: Int) -> Duration {
        min(callTime + .milliseconds(bytes * 1_000 / slowestRate), longestCallTime)
    }

    enum Beginning: Sendable {
        /// Nothing to do: cancelled, sent by a run before this one, or on another course.
        case over
        /// Ended here, and the job with it.
        case ended
        /// Somebody may still be at work with it.
        case held(until: Instant)
        /// Its clinic is suspended.
        case resting(StoredMessage, until: Instant)
        case ready(PreparedMessage)
    }

    /// Looks at the message: whether it is still to be sent, and what a run that was cut off has left.
    func begin(_ payload: SendMessageJob.Payload, _ job: JobContext) async throws -> Beginning {
        let finding = try await lookup.perform(
            payload.message,
            on: job.database,
            for: job.tenant,
            operation: "messages.look",
            isUrgent: job.lane == .critical
        )
        switch finding {
        case .over: return .over
        case .held(let until): return .held(until: until)
        case .resting(let message, _) where payload.course ?? message.course != message.course: return .over
        case .resting(let message, let until): return .resting(message, until: until)
        case .ready(let prepared) where payload.course ?? prepared.message.course != prepared.message.course:
            return .over
        case .ready(let prepared):
            guard let expiry = prepared.message.expiresAt, expiry <= .now() else { return .ready(prepared) }
            let expired = SendingRules.reason("expired", "It was not sent before it expired.")
            try await end(prepared, .expired, expired, job)
            return .ended
        }
    }

    /// What a clinic has set beside its providers, as `chain` found it in force.
    func settings(of clinic: ClinicID) async throws -> [String: JSONValue] {
        try await resolver.configuration(of: clinic)?.settings ?? [:]
    }

    /// The providers for a message, in the order of its channels; what is kept in memory is never older than the database.
    func chain(for prepared: PreparedMessage, _ clinic: ClinicID) async throws -> [ProviderEntry] {
        resolver.invalidate(prepared.configuration)
        var chain: [ProviderEntry] = []
        for name in prepared.message.channels.dropFirst(prepared.message.stage) {
            guard let channel = MessageChannel(rawValue: name), prepared.content.reach.has(channel) else { continue }
            chain += try await resolver.resolve(clinic, channel: name).entries
        }
        chain.removeAll { !providers.reaches(prepared.content.reach, $0) }
        if let files = prepared.content.attachments {
            chain.removeAll {
                $0.channel == MessageChannel.email.rawValue && !providers.fits(files, through: $0.provider)
            }
        }
        // What is confirmed is confirmed where it was said: another number may be one that nobody has stopped.
        if prepared.content.confirms != nil { chain.removeAll { $0.id != prepared.content.through } }
        if let first = chain.firstIndex(where: { $0.id == prepared.content.through }) {
            chain.insert(chain.remove(at: first), at: 0)
        }
        for entry in chain {
            if let published = prepared.circuits[entry.id] { circuits.follow(published, clinic, entry) }
        }
        return chain
    }

    /// Those of a chain that may have the message now: while a lost reply is asked for again, who would know the message.
    ///
    /// A code that nobody would know again goes to all of them all the same, but to none that has lost it often enough.
    func usable(_ chain: [ProviderEntry], for prepared: PreparedMessage) -> [ProviderEntry] {
        guard let unresolved = prepared.unresolved else { return chain }
        let repeatable = chain.filter { isRepeatable(unresolved, with: $0, at: .now()) }
        guard repeatable.isEmpty, prepared.message.category == .security else { return repeatable }
        return chain.filter { prepared.lostReplies[$0.id, default: 0] < SendingRules.mostLostReplies }
    }

    /// Whether an entry would know the message of an attempt again: the same account, and not too late.
    private func isRepeatable(_ attempt: StoredAttempt, with entry: ProviderEntry, at now: Instant) -> Bool {
        guard entry.id == attempt.entryID, entry.fingerprint == attempt.fingerprint,
            let time = providers.repeatTime(of: entry.provider, entry.channel)
        else { return false }
        return now - attempt.startedAt < time
    }

    /// Ends a message without an attempt, and its job with it.
    func end(_ prepared: PreparedMessage, _ status: MessageStatus, _ reason: MessageReason, _ job: JobContext)
        async throws
    {
        try await transactions.end(prepared.message, prepared.end(status, reason), [], took: nil, job)
    }
}
