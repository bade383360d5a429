import CommunicationAPI
import Contracts
import Core
import Outbox
import Postgres
import ProviderConfig

/// A row of `message_attempts`.
struct StoredAttempt: Sendable {
    var number: Int
    var channel: String
    var provider: String
    /// The configured entry and what its credentials were.
    var entryID: ProviderEntryID
    var fingerprint: String
    /// The installation's default was used.
    var isDefault: Bool
    var startedAt: Instant
    /// Until when whoever opened it may still be at work.
    var heldUntil: Instant?
    var latencyMilliseconds: Int?
    var outcome: AttemptOutcome?
    var providerMessageID: String?
    var providerCode: String?
    var detail: String?
    /// What became of it after the call.
    var news: AttemptNews?
    var cost: MessageCost?

    /// Whether another one was made with the same account.
    func isSamePlace(_ other: StoredAttempt) -> Bool {
        entryID == other.entryID && fingerprint == other.fingerprint
    }

    /// As clients see it.
    var shown: MessageAttempt {
        MessageAttempt(
            channel: MessageChannel(rawValue: channel) ?? .email,
            provider: provider,
            source: isDefault ? .installation : .clinic,
            at: startedAt,
            latencyMs: latencyMilliseconds,
            outcome: outcome,
            providerMessageId: providerMessageID,
            providerCode: providerCode,
            detail: detail,
            failure: news?.failure,
            cost: cost
        )
    }
}

/// What a provider told last of what it was handed: of all its news the furthest, whatever came when.
struct AttemptNews: Sendable {
    let event: DeliveryEvent
    /// The provider's own code for a failure.
    let code: String?
    /// When it was told.
    let at: Instant

    /// Why it did not arrive; `nil` where it did.
    var failure: AttemptFailure? {
        event.reason.map { AttemptFailure(at: at, code: $0.code, detail: $0.detail, providerCode: code) }
    }
}

/// The rows of attempts, in order by message.
enum AttemptStore {
    /// All attempts of some messages, by message.
    static func all(_ ids: [MessageID], in tx: borrowing Transaction) throws -> [MessageID: [StoredAttempt]] {
        guard !ids.isEmpty else { return [:] }
        let rows = try tx.rows(
            """
            select message_id, number, channel, provider, entry_id, fingerprint, is_default, started_at, held_until, latency_ms,
                outcome, provider_message_id, provider_code, detail, event, event_code, event_at, cost_micros, cost_currency
            from message_attempts where clinic_id = clinic_id() and message_id = any (\(ids)) order by message_id, number
            """
        )
        var found: [MessageID: [StoredAttempt]] = [:]
        for row in rows {
            var column = row.reader()
            let message: MessageID = try column.next()
            let attempt = StoredAttempt(
                number: try column.next(),
                channel: try column.next(),
                provider: try column.next(),
                entryID: try column.next(),
                fingerprint: try column.next(),
                isDefault: try column.next(),
                startedAt: try column.next(),
                heldUntil: try column.next(),
                latencyMilliseconds: try column.next(),
                outcome: try column.next(),
                providerMessageID: try column.next(),
                providerCode: try column.next(),
                detail: try column.next(),
                news: try news(&column),
                cost: try cost(&column)
            )
            found[message, default: []].append(attempt)
        }
        return found
    }

    /// A message's attempts since somebody sent it last: those of before decide nothing any more.
    static func present(of message: StoredMessage, in tx: borrowing Transaction) throws -> [StoredAttempt] {
        try all([message.id], in: tx)[message.id, default: []].filter { $0.number > message.settledAttempts }
    }

    private static func news(_ column: inout RowReader) throws -> AttemptNews? {
        let event: DeliveryEvent? = try column.next()
        let code: String? = try column.next()
        let at: Instant? = try column.next()
        if let event, let at { return AttemptNews(event: event, code: code, at: at) }
        return nil
    }

    private static func cost(_ column: inout RowReader) throws -> MessageCost? {
        let micros: Int64? = try column.next()
        let currency: String? = try column.next()
        if let micros, let currency { return MessageCost(micros: micros, currency: currency) }
        return nil
    }

    /// Notes what a provider tells of an attempt, unless it has told what is further; what the call came to stays.
    ///
    /// Its message, which the transaction has locked, gets another version, unless it has one of that moment already.
    /// - Parameter fault: what is wrong with the account, where the event is `rejected` for that.
    static func note(
        _ event: DeliveryEvent,
        code: String?,
        fault: AccountFault? = nil,
        of attempt: ReportedAttempt,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        let nearer = DeliveryRules.events(before: event, by: attempt.channel).map(\.rawValue)
        tx.execute(
            """
            with noted as (
                update message_attempts set event = \(event.rawValue), event_code = \(code),
                    event_fault = \(fault?.rawValue), event_at = \(now)
                where clinic_id = clinic_id() and message_id = \(attempt.message) and number = \(attempt.number)
                    and (event is null or event = any (\(nearer)))
                returning message_id
            )
            update messages set version = version + 1, updated_at = greatest(updated_at, \(now))
            where clinic_id = clinic_id() and id in (select message_id from noted) and updated_at <> \(now)
            """
        )
    }

    /// Opens an attempt: committed before the provider is called; written twice it is there once.
    static func open(
        _ number: Int,
        of message: MessageID,
        with entry: ProviderEntry,
        at now: Instant,
        heldUntil: Instant,
        in tx: borrowing Transaction
    ) {
        let attempt = NewAttempt(number: number, message: message, entry: entry, startedAt: now, heldUntil: heldUntil)
        tx.gather(AttemptChange.made(attempt))
    }

    /// Notes a provider that was passed over.
    static func skip(
        _ number: Int,
        of message: MessageID,
        with entry: ProviderEntry,
        _ outcome: AttemptOutcome,
        detail: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        var attempt = NewAttempt(number: number, message: message, entry: entry, startedAt: now)
        attempt.outcome = outcome
        attempt.detail = detail
        tx.gather(AttemptChange.made(attempt))
    }

    /// Closes an open attempt, with the entry about what the provider has answered; one that is closed stays as it is.
    static func close(
        _ number: Int,
        of message: MessageID,
        at provider: String,
        _ verdict: ProviderVerdict,
        latency: Duration?,
        using means: String,
        in tx: borrowing Transaction
    ) throws {
        tx.gather(AttemptChange.closed(number, of: message, verdict, latency: latency))
        try ProviderActor.audit(
            provider,
            CommunicationPermissions.send,
            on: ("messages", message.description),
            verdict.outcome == .accepted ? .succeeded : .failed,
            reason: verdict.outcome.rawValue,
            using: means,
            in: tx
        )
    }

    /// What the trail says that an attempt was made with: the version of the template, and of the entry's credentials.
    ///
    /// A built-in template has the version of the programs.
    static func means(of message: StoredMessage, _ entry: ProviderEntryID, _ fingerprint: String) -> String {
        let template = message.template.map {
            "template:\($0)=\(message.templateVersion.map(String.init) ?? "built-in") "
        }
        return (template ?? "") + "credentials:\(entry)=\(fingerprint)"
    }
}
