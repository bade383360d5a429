import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig

/// Looks at messages that are to be sent: those of a clinic that are there at the same time with one query for each thing
/// that is to be known.
struct SendingLookup: Sendable {
    let dataKeys: DataKeyStore
    let store: ProviderConfigStore
    let index: AddressIndex
    let providers: MessageProviders

    /// How long the messages of a suspended clinic rest before they are looked at again.
    static let suspensionRest: Duration = .seconds(600)

    enum Finding: Sendable {
        /// Nothing to do: cancelled, or sent by a run before this one.
        case over
        /// Somebody may still be at work with it.
        case held(until: Instant)
        /// Its clinic is suspended.
        case resting(StoredMessage, until: Instant)
        case ready(PreparedMessage)
    }

    /// A message that is to be sent, with what was tried before.
    struct Candidate {
        let message: StoredMessage
        var content: SealedContent
        let pairs: [(channel: MessageChannel, addressIndex: [UInt8])]
        var attempts: [StoredAttempt]
        let lastAttempt: Int

        /// Whether it has just been held against what its recipient and the clinic wish; not so where it was begun anew, which
        /// may be in spite of them.
        func isFresh(at now: Instant) -> Bool {
            message.course == 0 && now - message.createdAt <= CurrentPreferences.freshFor
        }

        /// What holds for whoever is nobody's contact: the clinic's night, but for those who are answered.
        func choiceOfNobody(_ zone: TimeZoneName?, at now: Instant) -> CurrentPreferences? {
            content.contact == nil && content.through == nil && !isFresh(at: now) ? CurrentPreferences(zone: zone) : nil
        }
    }

    /// What was found of each message, in their order.
    func find(_ ids: [MessageID], at now: Instant, in tx: borrowing Transaction) throws -> [Finding] {
        guard let clinic = tx.tenant?.clinic else { throw JobFailure.permanent("no_clinic") }
        let (found, isSuspended, zone) = try MessageStore.toSend(ids, in: tx)
        let messages = Dictionary(found.map { ($0.id, $0) }) { first, _ in first }
        let attempts = try AttemptStore.all(ids, in: tx)
        let sealer = try dataKeys.sealer(for: clinic, in: tx)
        var findings: [MessageID: Finding] = [:]
        var candidates: [Candidate] = []
        for id in Set(ids) {
            guard let message = messages[id], Self.isToBeSent(message) else { continue }
            let all = attempts[id] ?? []
            // What came before somebody sent it again decides nothing any more.
            var present = all.filter { $0.number > message.settledAttempts }
            if let finding = try settle(&present, of: message, at: now, in: tx) {
                findings[id] = finding
                continue
            }
            if isSuspended, message.category != .security, message.expiresAt.map({ $0 > now }) ?? true {
                let rest = now + Self.suspensionRest
                findings[id] = .resting(message, until: message.expiresAt.map { min($0, rest) } ?? rest)
                continue
            }
            let content = try SealedContent.open(message.sealed, of: id, with: sealer)
            let pairs = index.pairs(of: content.reach, on: message.channels, clinic)
            candidates.append(
                Candidate(
                    message: message,
                    content: content,
                    pairs: pairs,
                    attempts: present,
                    lastAttempt: all.last?.number ?? 0
                )
            )
        }
        for prepared in try prepare(candidates, zone, sealer, at: now, in: tx) {
            findings[prepared.message.id] = .ready(prepared)
        }
        return ids.map { findings[$0] ?? .over }
    }

    private static func isToBeSent(_ message: StoredMessage) -> Bool {
        (message.status == .queued || message.status == .sending) && !message.isAwaitingReceipt
    }

    /// Closes an attempt that a run that was cut off has left open, as one whose reply was lost; gives what keeps the message from
    /// going on now, if anything does.
    private func settle(
        _ attempts: inout [StoredAttempt],
        of found: StoredMessage,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Finding? {
        guard let place = attempts.lastIndex(where: { $0.outcome == nil }) else { return nil }
        let open = attempts[place]
        if let held = open.heldUntil, held > now { return .held(until: held) }
        guard let message = try MessageStore.lock(found.id, in: tx), Self.isToBeSent(message) else { return .over }
        let lost = ProviderVerdict(.unknownOutcome, code: "interrupted", detail: "The process ended during the call.")
        let using = AttemptStore.means(of: message, open.entryID, open.fingerprint)
        try AttemptStore.close(open.number, of: message.id, at: open.provider, lost, latency: nil, using: using, in: tx)
        attempts[place].outcome = lost.outcome
        return nil
    }

    /// The channels and the entries that earlier attempts have shown to be of no use for a message.
    private func unusable(
        after attempts: [StoredAttempt]
    ) -> ([String: MessageReason], [ProviderEntryID: (fingerprint: String, reason: MessageReason)]) {
        attempts.reduce(into: ([:], [:])) { found, attempt in
            let isOfAccount = providers.isOfAccount(attempt.providerCode, of: attempt.provider, attempt.channel)
            switch SendingRules.exclusion(after: attempt.outcome, isOfAccount: isOfAccount) {
            case .channel(let reason): found.0[attempt.channel] = found.0[attempt.channel] ?? reason
            case .entry(let reason): found.1[attempt.entryID] = (attempt.fingerprint, reason)
            case nil: break
            }
        }
    }

    private func prepare(
        _ candidates: [Candidate],
        _ zone: TimeZoneName?,
        _ sealer: ClinicSealer,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [PreparedMessage] {
        if candidates.isEmpty { return [] }
        let devices = try ContactDeviceStore.all(of: Self.holders(among: candidates), sealer: sealer, in: tx)
        let suppressed = try SuppressionStore.inForce(
            candidates.flatMap { $0.pairs.map(\.addressIndex) } + devices.values.joined().map(\.addressIndex),
            at: now,
            in: tx
        )
        let reaches = candidates.map { $0.reached(by: devices, suppressed) }
        let optOuts = zip(candidates, reaches).map { candidate, reached in
            SuppressionStore.optOuts(suppressed, candidate.pairs + reached.pairs, candidate.message.category)
        }
        // What goes at once has just been held against them; not so against what is said of one channel and may end another.
        let asked = zip(candidates, optOuts).filter { candidate, ended in
            !candidate.isFresh(at: now)
                || candidate.message.category == .marketing && !ended.isEmpty
        }
        let choices = try CurrentPreferences.all(of: Array(Set(asked.compactMap(\.0.content.contact))), in: tx)
        let configuration = try store.currentVersions(sealer.clinic, in: tx)
        let circuits = try CircuitStore.all(in: tx)
        return try zip(candidates, zip(reaches, optOuts)).map { candidate, found in
            let (message, (reached, ended)) = (candidate.message, found)
            let choice =
                candidate.content.contact.flatMap { choices[$0] } ?? candidate.choiceOfNobody(zone, at: now)
            let confirmed = candidate.content.confirms
            let blocking = SuppressionStore.weightiest(
                suppressed,
                candidate.pairs + reached.pairs,
                message.category,
                confirming: confirmed
            )
            let notPassedOn = SuppressionRules.notPassedOn(
                message.category,
                along: message.channels.compactMap { MessageChannel(rawValue: $0) },
                ended: ended,
                choice?.consents ?? []
            )
            var reasons = notPassedOn.merging(blocking.mapValues { SuppressionRules.reason($0.reason) }) { $1 }
            if confirmed == .stop {
                // A STOP that is newer than the message has a confirmation of its own.
                let stopped = suppressed.filter { $0.reason == .stop && $0.createdAt <= message.createdAt }
                for pair in candidate.pairs
                where !stopped.contains(where: { $0.channel == pair.channel && $0.addressIndex == pair.addressIndex }) {
                    reasons[pair.channel] = reasons[pair.channel] ?? SuppressionRules.startedAgain
                }
            }
            let suppressions = Dictionary(uniqueKeysWithValues: reasons.map { ($0.key.rawValue, $0.value) })
            let told = Set(candidate.attempts.filter { $0.outcome == .skippedSuppressed }.map(\.channel))
            let (channels, entries) = unusable(after: candidate.attempts.filter { !candidate.isAboutDevice($0) })
            return PreparedMessage(
                message: message,
                content: reached.content,
                nextAttempt: candidate.lastAttempt + 1,
                unresolved: message.unresolved(among: candidate.attempts),
                standing: candidate.attempts.standing,
                lostReplies: candidate.attempts.filter { $0.outcome == .unknownOutcome }
                    .reduce(into: [:]) { $0[$1.entryID, default: 0] += 1 },
                unusable: channels.merging(suppressions) { $1 },
                unusableEntries: entries,
                suppressed: suppressions.filter { !told.contains($0.key) },
                windows: message.channels.contains(MessageChannel.whatsapp.rawValue)
                    ? try ConversationWindowStore.windows(of: message.id, in: tx) : .none,
                devices: reached.devices,
                choice: choice,
                configuration: configuration,
                circuits: circuits
            )
        }
    }
}
