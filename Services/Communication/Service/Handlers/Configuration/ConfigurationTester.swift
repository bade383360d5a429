import CommunicationAPI
import Contracts
import Core
import Outbound
import Outbox
import Postgres
import ProviderConfig
import ServiceHost

/// Tries a clinic's providers: those in force, or candidates that are not stored.
struct ConfigurationTester: Sendable {
    /// One provider's call, the sender's checks included.
    static let callTime: Duration = .seconds(10)

    let endpoints: ConfigurationEndpoints
    let store: ProviderConfigStore
    let effective: EffectiveProviders
    let policy: OutboundPolicy
    let providers: MessageProviders
    let transports: ProviderTransports
    let senders: SenderChecks
    let index: AddressIndex
    let rates: RateLimiter
    let turns: ConfigurationTestTurns

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.test) { [self] input, context in
            do {
                return try await turns.run(context.clinic, context.keyHash.hex) { try await run(input, context) }
            } catch is ConfigurationTestTurns.AlreadyRunning {
                throw context.inProgress
            }
        }
    }

    /// One provider and what it is tried with.
    private struct EntryTest: Sendable {
        let entry: ProviderEntry
        /// Whether it is not stored.
        let isCandidate: Bool
        /// What it is to be given; without it it is only asked whether it is there.
        let message: OutgoingMessage?
        let isSuppressed: Bool
        let rate: SendingRate

        var channel: MessageChannel { MessageChannel(rawValue: entry.channel) ?? .email }

        /// Whether its message would begin a conversation, which the provider takes an approved template for and no test text.
        func isOutsideWindow(of provider: (any MessageProvider)?) -> Bool {
            guard case .text(let text) = message, let provider = provider as? any TextProvider else { return false }
            return !provider.isOpen(text, at: .now())
        }
    }

    private func run(
        _ input: ConfigurationTest,
        _ context: OperationContext
    ) async throws -> Reply<ConfigurationTestResults> {
        let faults = input.to.map { AddressRules.faults($0) } ?? []
        guard faults.isEmpty else { throw Problem.invalid(faults) }
        let found = try await found(input, context)
        let (suppressed, windows) = try await known(of: input.to, context)
        let tests = found.entries.map { entry in
            let channel = MessageChannel(rawValue: entry.channel) ?? .email
            return EntryTest(
                entry: entry,
                isCandidate: input.config != nil,
                message: input.to.flatMap { TestMessage.message(to: $0, on: channel, windows: windows) },
                isSuppressed: suppressed.contains(channel),
                rate: found.rate(of: entry, in: providers)
            )
        }
        let results = await withTaskGroup(of: (Int, Result<ConfigurationTestResults.Result, any Error>).self) {
            group in
            for (place, test) in tests.enumerated() {
                group.addTask {
                    let outcome: Result<ConfigurationTestResults.Result, any Error>
                    do { outcome = .success(try await result(of: test, context)) } catch { outcome = .failure(error) }
                    return (place, outcome)
                }
            }
            // All are waited for: what one provider was given is told of even where another's entry cannot be written.
            return await group.reduce(into: [Int: Result<ConfigurationTestResults.Result, any Error>]()) {
                $0[$1.0] = $1.1
            }
        }
        let ordered = try tests.indices.compactMap { try results[$0]?.get() }
        return try await context.commit { _ in
            Reply(
                ConfigurationTestResults(results: ordered),
                audit: AuditDetail(resource: context.clinic.description)
            )
        }
    }

    /// What is to be tried, in the order of the channels and of their chains, and what is set beside it.
    private func found(
        _ input: ConfigurationTest,
        _ context: OperationContext
    ) async throws -> EffectiveProviders.Found {
        var found = try await effective.load(context)
        if let config = input.config {
            found.entries = try await candidates(config, context)
        } else if found.entries.isEmpty {
            throw Problem(404, "not_configured", "The clinic has no providers yet.")
        }
        if let channel = input.channel { found.entries.removeAll { $0.channel != channel.rawValue } }
        if let id = input.entryId {
            found.entries.removeAll { $0.id != id }
            if found.entries.isEmpty { throw Problem.notFound }
        }
        let order = MessageChannel.allCases.map(\.rawValue)
        found.entries.sort {
            (order.firstIndex(of: $0.channel) ?? 0, $0.position) < (order.firstIndex(of: $1.channel) ?? 0, $1.position)
        }
        return found
    }

    private func candidates(
        _ config: CandidateConfiguration,
        _ context: OperationContext
    ) async throws -> [ProviderEntry] {
        let (store, providers, policy, clinic) = (store, providers, policy, context.clinic)
        let (actor, now) = (context.principal.id, context.now)
        let drafts = MessageChannel.allCases.flatMap { channel in
            config.chains[channel].map {
                ConfigurationEditor.drafts(of: $0, channel, at: "/config/\(channel.rawValue)")
            } ?? []
        }
        guard !drafts.isEmpty else { throw Problem.invalid("/config", "must have email, sms, whatsapp or push") }
        return try await context.database.read(for: context.tenant) { tx in
            let stored = try store.load(clinic, in: tx)
            return try store.candidates(
                drafts,
                replacing: stored,
                clinic: clinic,
                by: actor,
                at: now,
                rules: providers.rules(policy)
            )
        }
    }

    /// The channels on which the recipient is not to be called, tests included, and which numbers they have written to lately.
    private func known(
        of to: TestRecipient?,
        _ context: OperationContext
    ) async throws -> (suppressed: Set<MessageChannel>, windows: ConversationWindows) {
        guard let to else { return ([], .none) }
        let reach = Reach(email: to.email, phone: to.phone, pushToken: to.pushToken)
        let pairs = index.pairs(of: reach, on: MessageChannel.allCases.map(\.rawValue), context.clinic)
        let phone = reach.address(on: .whatsapp).map { index.token($0, context.clinic) }
        let now = context.now
        return try await context.database.read(for: context.tenant) { tx in
            let suppressed = Set(try SuppressionStore.blocking(pairs, category: .care, at: now, in: tx).keys)
            var windows = ConversationWindows.none
            if let phone { windows = try ConversationWindowStore.windows(with: phone, in: tx) }
            return (suppressed, windows)
        }
    }

    private func result(
        of test: EntryTest,
        _ context: OperationContext
    ) async throws -> ConfigurationTestResults.Result {
        let (entry, isCandidate) = (test.entry, test.isCandidate)
        let deadline = Deadline.after(Self.callTime)
        let provider = providers.provider(for: entry, through: transports)
        // What no text can be sent through is tried all the same.
        let isOutsideWindow = test.isOutsideWindow(of: provider)
        let message = isOutsideWindow ? nil : test.message
        async let sender = senders.findings(of: entry, provider, deadline: deadline)
        let (verdict, latency) = try await verdict(of: provider, test, message, deadline: deadline, context)
        let isGood = verdict.outcome == .accepted
        let good = message == nil ? Self.isThere + (isOutsideWindow ? " " + Self.notSent : "") : Self.tookMessage
        return await ConfigurationTestResults.Result(
            channel: test.channel,
            provider: entry.provider,
            entryId: isCandidate ? nil : entry.id,
            source: isCandidate ? nil : ProviderSource(entry),
            ok: isGood,
            sent: isGood && message != nil,
            outcome: verdict.outcome,
            detail: isGood ? good : verdict.detail ?? "The provider could not be used.",
            latencyMs: Int(latency.milliseconds),
            sender: sender
        )
    }

    private static let isThere = "The provider is there and takes the credentials."
    private static let tookMessage = "The provider took the message."
    private static let notSent =
        "Nothing was sent: a test text goes only to somebody who has written to this number within the last 24 hours."

    /// Calls the provider, if there is anything to be called for, with an entry in the trail about what it answered.
    ///
    /// - Parameter message: what it is given; without it it is only asked whether it is there.
    private func verdict(
        of provider: (any MessageProvider)?,
        _ test: EntryTest,
        _ message: OutgoingMessage?,
        deadline: Deadline,
        _ context: OperationContext
    ) async throws -> (ProviderVerdict, latency: Duration) {
        guard let provider else {
            return (Self.untried(.credentials, "The credentials cannot be used as they are."), .zero)
        }
        if message != nil, let refusal = try await refusal(of: test, context) { return (refusal, .zero) }
        let started = ContinuousClock.now
        let verdict =
            if let message {
                await provider.send(message, deadline: deadline)
            } else {
                await provider.check(deadline: deadline)
            }
        let latency = ContinuousClock.now - started
        try await note(verdict, of: test, isMessage: message != nil, context)
        return (verdict, latency)
    }

    /// Why a message is not handed over; `nil` when it may be.
    ///
    /// What is sent to try a provider is sent: the clinic's other messages through it, and its cap, count it too.
    private func refusal(of test: EntryTest, _ context: OperationContext) async throws -> ProviderVerdict? {
        guard !test.isSuppressed else {
            return Self.untried(.skippedSuppressed, "The recipient is suppressed on the channel: nothing is sent.")
        }
        let bucket = test.isCandidate ? Self.candidates(of: context.clinic) : test.entry.id
        let wait = try await rates.take(context.clinic, bucket, test.rate, .normal) { midnight in
            try await context.database.read(for: context.tenant) { tx in
                try AttemptStore.calls(of: bucket, since: midnight, in: tx)
            }
        }
        switch wait {
        case nil: return nil
        case .rate:
            return Self.untried(.throttled, "The rate with the provider is used up: nothing is sent.")
        case .cap:
            return Self.untried(
                .skippedQuota,
                "The clinic has used up its cap for the day with the provider: nothing is sent."
            )
        }
    }

    private static func untried(_ outcome: AttemptOutcome, _ detail: String) -> ProviderVerdict {
        ProviderVerdict(outcome, host: .untried, detail: detail)
    }

    /// Whose rate all messages through a clinic's candidates are held to: each test knows them by other ids.
    private static func candidates(of clinic: ClinicID) -> ProviderEntryID {
        ProviderEntryID(high: clinic.high, low: clinic.low)
    }

    /// Writes what came of a call, whatever becomes of the test.
    private func note(
        _ verdict: ProviderVerdict,
        of test: EntryTest,
        isMessage: Bool,
        _ context: OperationContext
    ) async throws {
        let entry = test.entry
        var record = context.auditRecord(
            verdict.outcome == .accepted ? .succeeded : .failed,
            AuditDetail(resource: entry.id.description, reason: verdict.outcome.rawValue)
        )
        record.actor = AuditRecord.Actor(Principal(kind: .provider, id: entry.provider))
        if isMessage { record.action = CommunicationPermissions.send.name }
        record.using = "credentials:\(entry.id)=\(entry.fingerprint)"
        let told = record
        try await context.database.transaction(for: context.tenant) { tx in try Outbox.appendAudit(told, in: tx) }
    }
}

extension CandidateConfiguration: ChannelDrafts {}
