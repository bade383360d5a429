import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience

/// Takes providers' reports in: each once, with its effect on the message it is about, or kept until there is one.
struct DeliveryIntake: Sendable {
    /// How reports wait for a message to become known.
    static let patience = DoublingWait(first: .seconds(1), longest: .seconds(24 * 3_600))

    let index: AddressIndex
    let suppressions: SuppressionStore
    let receipts: ReceiptLatencies

    /// What reports came to.
    struct Applied: Sendable {
        /// Those whose message is not known, or is just being handed over.
        var unknown: [KeptReport] = []
        /// What the operators are to be told once it is committed, with `AlertStore.tellOperators`.
        var forOperators: Set<AccountNews> = []
    }

    /// Keeps the reports of one webhook and does what the new ones say.
    ///
    /// - Parameter signers: the entries whose account has signed it.
    /// - Returns: what the operators are to be told once it is committed, with `AlertStore.tellOperators`.
    func take(
        _ reports: [DeliveryReport],
        of signers: [ProviderEntry],
        webhook: RequestID,
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Set<AccountNews> {
        guard let entry = signers.first, let source = ReportSource(signers) else { return [] }
        return try take(
            reports.map { kept($0, entry.channel, clinic) },
            from: source,
            webhook: webhook,
            at: now,
            in: tx
        )
    }

    /// - Returns: what the operators are to be told once it is committed, with `AlertStore.tellOperators`.
    func take(
        _ reports: [KeptReport],
        from source: ReportSource,
        webhook: RequestID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Set<AccountNews> {
        let reports = try worthKeeping(reports, through: source.entries, in: tx)
        guard !reports.isEmpty else { return [] }
        let new = try DeliveryStore.insert(reports, of: source, webhook: webhook, at: now, in: tx)
        let applied = try apply(new, through: source.entries, at: now, in: tx)
        guard !applied.unknown.isEmpty else { return applied.forOperators }
        DeliveryStore.wait(applied.unknown, of: source, in: tx)
        _ = try Jobs.enqueue(
            MatchReportsJob.self,
            payload: .init(webhook: webhook, entries: source.entries),
            lane: .bulk,
            dueAt: now + Self.patience.first,
            in: tx
        )
        return applied.forOperators
    }

    /// Leaves out that a provider has a message which it was seen to take, or which is none of ours: most are told so, and it
    /// changes nothing.
    ///
    /// What is ours was written down before anybody was called.
    private func worthKeeping(
        _ reports: [KeptReport],
        through entries: [ProviderEntryID],
        in tx: borrowing Transaction
    ) throws -> [KeptReport] {
        let sent = reports.filter { $0.event == .sent }
        guard !sent.isEmpty else { return reports }
        let found = ReportedAttempts(try DeliveryStore.attempts(sent, through: entries, in: tx))
        return reports.filter { report in
            guard report.event == .sent else { return true }
            return found.attempt(of: report).map { $0.isOpen || $0.isLost } ?? false
        }
    }

    /// Keeps reports about messages of nobody that is known.
    func keep(
        _ reports: [KeptReport],
        from source: ReportSource,
        webhook: RequestID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let reports = reports.filter { $0.event != .sent }
        let new = try DeliveryStore.insert(reports, of: source, webhook: webhook, at: now, in: tx)
        guard !new.isEmpty else { return }
        DeliveryStore.wait(new, of: source, in: tx)
        _ = try Jobs.enqueue(
            FindClinicsJob.self,
            payload: .init(webhook: webhook, source: source),
            lane: .bulk,
            dueAt: now + Self.patience.first,
            in: tx
        )
    }

    /// Reports by the clinic whose message they are about, and those that are nobody's yet.
    func sorted(
        _ reports: [KeptReport],
        from provider: String,
        _ database: Database
    ) async throws -> (known: [ClinicID: [KeptReport]], unknown: [KeptReport]) {
        let providerIDs = ProviderIDHash(blindIndex: index.blindIndex)
        return try await SharedAccount(database: database).sorted(reports) { report in
            let ids = [report.message?.description, report.providerMessageID].compactMap { $0 }
            return SharedAccount.Names(messages: ids.map { providerIDs.hash(provider, $0) })
        }
    }

    /// Does what reports say.
    func apply(
        _ reports: [KeptReport],
        through entries: [ProviderEntryID],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Applied {
        var applied = Applied()
        guard !reports.isEmpty else { return applied }
        let attempts = try DeliveryStore.attempts(reports, through: entries, in: tx)
        let found = ReportedAttempts(attempts)
        var news: Set<AccountNews> = []
        var suppressed: [StoredSuppression] = []
        var known: [(report: KeptReport, attempt: ReportedAttempt)] = []
        for report in reports {
            let attempt = found.attempt(of: report)
            // While the message is still being handed over, only its sender can say whether another channel is left.
            // Nor is it known whether the provider's reply will be lost.
            if let attempt, !attempt.isOpen || !report.event.isFailure && report.event != .sent {
                known.append((report, attempt))
            } else {
                applied.unknown.append(report)
            }
        }
        var recipients = try DeliveryStore.recipients(Array(Set(known.map(\.attempt.message))), in: tx)
        // In one order, so that two webhooks about the same messages wait for each other instead of locking both.
        for (report, attempt) in known.sorted(by: { $0.attempt.message.description < $1.attempt.message.description }) {
            let recipient = recipients[attempt.message]
            let index = recipient?.index(for: attempt.channel)
            // What happened to somebody else on a list says nothing of this message's recipient.
            if let about = report.recipient, about != index { continue }
            guard try MessageStore.deliver(attempt, report.event, at: now, in: tx) else {
                applied.unknown.append(report)
                continue
            }
            // What the provider was handed is all that the attempt tells by itself.
            if report.event == .sent { continue }
            AttemptStore.note(report.event, code: report.code, fault: report.fault, of: attempt, at: now, in: tx)
            if let fault = report.fault { news.insert(AccountNews(fault, of: attempt)) }
            if report.event == .delivered, let clinic = tx.tenant?.clinic {
                receipts.note(CircuitKey(clinic, attempt), after: now - attempt.startedAt)
            }
            guard let index, let channel = MessageChannel(rawValue: attempt.channel) else { continue }
            if recipient?.hasBounced == true, report.event.hasArrived, !DeliveryRules.mayComeBack(channel) {
                try SuppressionStore.disproveBounce(
                    channel: channel,
                    addressIndex: index,
                    source: ProviderActor.name(attempt.provider),
                    from: attempt.startedAt,
                    toldBy: attempt.provider,
                    report.event.rawValue,
                    in: tx
                )
            }
            if report.event == .softBounce {
                let pause = try judge(report, attempt, index, on: channel, at: now, in: tx)
                if let pause, pause.isNew { suppressed.append(pause.suppression) }
                if pause != nil { recipients[attempt.message]?.hasBounced = true }
            }
            guard let reason = report.event.suppression(on: channel) else { continue }
            let category = report.event.suppressed(after: recipient?.category)
            guard try condemns(reason, of: category, index, attempt, on: channel, in: tx) else { continue }
            let added = try suppressions.add(
                channel: channel,
                addressIndex: index,
                address: report.address?.text,
                reason: reason,
                category: category,
                source: ProviderActor.name(attempt.provider),
                // Whoever has ended messages did so before one was refused for it: a START since then lifts it, however late either
                // is told.
                at: reason == .stop ? attempt.startedAt : now,
                in: tx
            )
            if added.isNew { suppressed.append(added.suppression) }
            if reason == .hardBounce { recipients[attempt.message]?.hasBounced = true }
        }
        // After all messages are locked: whoever waits for an alert holds none that are still wanted here.
        applied.forOperators = try AlertStore.raise(news, at: now, in: tx)
        try SuppressionStore.watch(suppressed, at: now, in: tx)
        return applied
    }

    /// Whether a recipient is not to be written to again for a reason that a report gives: not for an address that takes nothing,
    /// where it took that very message, nor for a STOP, where they have had messages begin again since it was handed over.
    ///
    /// - Parameter category: what is not to be written any more; everything when `nil`.
    private func condemns(
        _ reason: SuppressionReason,
        of category: MessageCategory?,
        _ addressIndex: [UInt8],
        _ attempt: ReportedAttempt,
        on channel: MessageChannel,
        in tx: borrowing Transaction
    ) throws -> Bool {
        switch reason {
        case .hardBounce where !DeliveryRules.mayComeBack(channel):
            try !DeliveryStore.hasArrived(attempt.message, by: channel, in: tx)
        case .stop:
            try !LatestInstructionStore.hasBegunAgain(
                .messages(category),
                on: channel,
                addressIndex,
                after: attempt.startedAt,
                in: tx
            )
        case .hardBounce, .complaint, .manual, .unsubscribe: true
        }
    }

    /// Leaves an address alone for a while that has taken nothing for days; the trail tells of it.
    ///
    /// - Returns: the suppression in force, and whether it is new; `nil` where the address is not left alone.
    private func judge(
        _ report: KeptReport,
        _ attempt: ReportedAttempt,
        _ addressIndex: [UInt8],
        on channel: MessageChannel,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> (suppression: StoredSuppression, isNew: Bool)? {
        let since = now - SoftBounceRules.memory
        let attempts = try AttemptStore.taken(for: addressIndex, on: channel, since: since, in: tx)
        guard SoftBounceRules.isToBeLeftAlone(after: attempts) else { return nil }
        let added = try suppressions.add(
            channel: channel,
            addressIndex: addressIndex,
            address: report.address?.text,
            reason: .hardBounce,
            source: ProviderActor.name(attempt.provider),
            // The same however often it is told.
            expires: attempt.startedAt + SoftBounceRules.pause,
            at: now,
            in: tx
        )
        guard added.suppression.updatedAt == now else { return added }
        try ProviderActor.audit(
            attempt.provider,
            CommunicationPermissions.createSuppressions,
            on: ("suppressions", added.suppression.id.description),
            .succeeded,
            reason: report.event.rawValue,
            in: tx
        )
        return added
    }

    /// A report of the installation's provider, before it is known whose message it is about.
    ///
    /// Its recipient can be hashed for no clinic. One message goes to one recipient, so that nobody else can be meant.
    static func anonymous(_ report: DeliveryReport) -> KeptReport {
        KeptReport(
            id: String(report.id.prefix(DeliveryReport.longestID)),
            message: report.message,
            providerMessageID: report.providerMessageID,
            event: report.event,
            code: report.code,
            fault: report.fault
        )
    }

    private func kept(_ report: DeliveryReport, _ channel: String, _ clinic: ClinicID) -> KeptReport {
        let address = report.recipient.flatMap { Self.address($0, on: channel) }
        return KeptReport(
            id: String(report.id.prefix(DeliveryReport.longestID)),
            message: report.message,
            providerMessageID: report.providerMessageID,
            event: report.event,
            // What is no address is nobody's, and matches nobody's.
            recipient: report.recipient.map { _ in
                address.map { index.token($0, clinic) } ?? Array(repeating: 0, count: AddressIndex.bytes)
            },
            code: report.code,
            fault: report.fault,
            address: address
        )
    }

    /// An address as a provider writes it, perhaps with a name before it.
    private static func address(_ text: String, on channel: String) -> ChannelAddress? {
        var address = text
        if let start = text.lastIndex(of: "<"), text.hasSuffix(">") {
            address = String(text[text.index(after: start)...].dropLast())
        }
        return MessageChannel(rawValue: channel).flatMap { ChannelAddress($0, address) }
    }
}
