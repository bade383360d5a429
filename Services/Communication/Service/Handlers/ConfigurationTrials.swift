import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

/// Tries a clinic's providers: those in force, or candidates that are not stored.
struct ConfigurationTrials: Sendable {
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

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.test) { [self] input, context in try await run(input, context) }
    }

    private func run(
        _ input: ConfigurationTrial,
        _ context: OperationContext
    ) async throws -> Reply<ConfigurationTrialResults> {
        let entries = try await entries(input, context)
        let isCandidate = input.config != nil
        let suppressed = try await suppressed(input.to, context)
        let results = await withTaskGroup(of: (Int, ConfigurationTrialResults.Result).self) { group in
            for (place, entry) in entries.enumerated() {
                group.addTask { (place, await result(of: entry, isCandidate: isCandidate, input.to, suppressed)) }
            }
            return await group.reduce(into: [Int: ConfigurationTrialResults.Result]()) { $0[$1.0] = $1.1 }
        }
        let ordered = entries.indices.compactMap { results[$0] }
        return try await context.commit { _ in
            Reply(
                ConfigurationTrialResults(results: ordered),
                audit: AuditDetail(resource: context.clinic.description)
            )
        }
    }

    /// What is to be tried, in the order of the channels and of their chains.
    private func entries(_ input: ConfigurationTrial, _ context: OperationContext) async throws -> [ProviderEntry] {
        var entries: [ProviderEntry]
        if let config = input.config {
            entries = try await candidates(config, context)
        } else {
            entries = try await effective.load(context).entries
            if entries.isEmpty { throw Problem(404, "not_configured", "The clinic has no providers yet.") }
        }
        if let channel = input.channel { entries.removeAll { $0.channel != channel.rawValue } }
        if let id = input.entryId {
            entries.removeAll { $0.id != id }
            if entries.isEmpty { throw Problem.notFound }
        }
        let order = MessageChannel.allCases.map(\.rawValue)
        return entries.sorted {
            (order.firstIndex(of: $0.channel) ?? 0, $0.position) < (order.firstIndex(of: $1.channel) ?? 0, $1.position)
        }
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
            let candidates = try store.candidates(drafts, replacing: stored, clinic: clinic, by: actor, at: now)
            try providers.check(candidates, drafts, policy)
            return candidates
        }
    }

    /// The channels on which the recipient is not to be called, tests included.
    private func suppressed(_ to: TrialRecipient?, _ context: OperationContext) async throws -> Set<MessageChannel> {
        guard let to else { return [] }
        let reach = Reach(email: to.email, phone: to.phone, pushToken: to.pushToken)
        let pairs = index.pairs(of: reach, on: MessageChannel.allCases.map(\.rawValue), context.clinic)
        let now = context.now
        return try await context.database.read(for: context.tenant) { tx in
            Set(try SuppressionStore.blocking(pairs, category: .care, at: now, in: tx).keys)
        }
    }

    private func result(
        of entry: ProviderEntry,
        isCandidate: Bool,
        _ to: TrialRecipient?,
        _ suppressed: Set<MessageChannel>
    ) async -> ConfigurationTrialResults.Result {
        let channel = MessageChannel(rawValue: entry.channel) ?? .email
        let (clock, deadline) = (ContinuousClock(), Deadline.after(Self.callTime))
        let provider = providers.provider(for: entry, through: transports)
        async let sender = senders.findings(of: entry, provider, deadline: deadline)
        let started = clock.now
        let message = to.flatMap { TrialMessage.message(to: $0, on: channel) }
        let verdict: ProviderVerdict
        if let provider {
            if message != nil, suppressed.contains(channel) {
                verdict = ProviderVerdict(
                    .skippedSuppressed,
                    host: .untried,
                    detail: "The recipient is suppressed on the channel: nothing is sent."
                )
            } else if let message {
                verdict = await provider.send(message, deadline: deadline)
            } else {
                verdict = await provider.check(deadline: deadline)
            }
        } else {
            verdict = ProviderVerdict(
                .credentials,
                host: .untried,
                detail: "The credentials cannot be used as they are."
            )
        }
        let latency = clock.now - started
        let isGood = verdict.outcome == .accepted
        let good =
            message == nil ? "The provider is there and takes the credentials." : "The provider took the message."
        return await ConfigurationTrialResults.Result(
            channel: channel,
            provider: entry.provider,
            entryId: isCandidate ? nil : entry.id,
            source: isCandidate ? nil : ProviderSource(entry),
            ok: isGood,
            outcome: verdict.outcome,
            detail: isGood ? good : verdict.detail ?? "The provider could not be used.",
            latencyMs: Int(latency.milliseconds),
            sender: sender
        )
    }
}

extension CandidateConfiguration: ChannelDrafts {}

/// What is sent to try a provider: nothing of any patient.
enum TrialMessage {
    static let subject = "Test message"
    static let text = "This is a test of your clinic's message settings. Nobody has to do anything."

    /// `nil` without an address for the channel.
    static func message(to recipient: TrialRecipient, on channel: MessageChannel) -> OutgoingMessage? {
        let (id, now) = (MessageID(), Instant.now())
        switch channel {
        case .email:
            return recipient.email.map { to in
                .email(
                    EmailToSend(
                        id: id,
                        to: to,
                        replyTo: nil,
                        subject: subject,
                        text: text,
                        html: nil,
                        attachments: [],
                        date: now,
                        key: id.description
                    )
                )
            }
        case .sms, .whatsapp:
            return recipient.phone.map { to in
                .text(
                    TextToSend(
                        id: id,
                        to: .phone(to),
                        text: text,
                        approved: nil,
                        expiresAt: nil,
                        category: .care,
                        statusURL: nil
                    )
                )
            }
        case .push:
            return recipient.pushToken.map { token in
                .push(
                    PushToSend(
                        id: id,
                        token: Secret(token),
                        title: subject,
                        text: text,
                        expiresAt: nil,
                        isUrgent: false
                    )
                )
            }
        }
    }
}
