import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// Who has told it.
struct ReportSource: Codable, Sendable, Equatable {
    let provider: String
    /// The entries whose account has signed it, the first of which stands for all.
    let entries: [ProviderEntryID]

    var entry: ProviderEntryID { entries[0] }

    init?(_ signers: [ProviderEntry]) {
        guard let first = signers.first else { return nil }
        provider = first.provider
        entries = signers.map(\.id)
    }
}

extension DeliveryEvent: Column {}
extension AccountFault: Column {}

/// The table `delivery_events`, and what finds its events' messages.
enum DeliveryStore {
    /// Keeps reports of one webhook, in one order, so that two webhooks with the same ones wait for each other instead of
    /// locking both; gives those that were not there already.
    static func insert(
        _ reports: [KeptReport],
        of source: ReportSource,
        webhook: RequestID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [KeptReport] {
        var unique: [String: KeptReport] = [:]
        for report in reports where unique[report.id] == nil { unique[report.id] = report }
        let ordered = unique.values.sorted { $0.id < $1.id }
        let rows = try tx.rows(
            """
            insert into delivery_events (clinic_id, provider, entry_id, event_id, message_id, provider_message_id, kind,
                recipient_index, code, fault, notice_id, received_at)
            select clinic_id(), \(source.provider), \(source.entry), e.id, nullif(e.message, '')::uuid,
                nullif(e.provider_message, ''), e.kind, decode(nullif(e.recipient, ''), 'hex'), e.code, e.fault,
                \(webhook), \(now)
            from unnest(\(ordered.map(\.id)), \(ordered.map { $0.message?.description ?? "" }),
                \(ordered.map { $0.providerMessageID ?? "" }), \(ordered.map(\.event.rawValue)),
                \(ordered.map { $0.recipient?.hex ?? "" }), \(OptionalColumns(ordered.map(\.code))),
                \(OptionalColumns(ordered.map { $0.fault?.rawValue })))
                as e (id, message, provider_message, kind, recipient, code, fault)
            on conflict do nothing
            returning event_id
            """
        )
        return try rows.map { try $0[0] as String }.compactMap { unique[$0] }
    }

    /// Notes something that a provider told and that is about no message; whether it was not told before.
    ///
    /// - Parameters:
    ///   - id: the same whenever it is told again; says nothing of anybody.
    ///   - kind: in a word of ours.
    static func isFirst(
        _ id: String,
        kind: String,
        by entry: ProviderEntry,
        webhook: RequestID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        try tx.rows(
            """
            insert into delivery_events (clinic_id, provider, entry_id, event_id, kind, notice_id, received_at)
            values (clinic_id(), \(entry.provider), \(entry.id), \(String(id.prefix(DeliveryReport.longestID))), \(kind),
                \(webhook), \(now))
            on conflict do nothing
            """
        ).affected == 1
    }

    /// Lets reports of a webhook wait for their messages.
    static func wait(
        _ reports: [KeptReport],
        of source: ReportSource,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update delivery_events set is_waiting = true
            where clinic_id = clinic_id() and provider = \(source.provider) and entry_id = \(source.entry)
                and event_id = any (\(reports.map(\.id)))
            """
        )
    }

    /// Reports of a webhook that still wait, kept from others until the transaction ends.
    static func waiting(_ webhook: RequestID, in tx: borrowing Transaction) throws -> [KeptReport] {
        let rows = try tx.rows(
            """
            select event_id, message_id, provider_message_id, kind, recipient_index, code, fault from delivery_events
            where clinic_id = clinic_id() and notice_id = \(webhook) and is_waiting order by event_id for update
            """
        )
        return try rows.map { row in
            var column = row.reader()
            return KeptReport(
                id: try column.next(),
                message: try column.next(),
                providerMessageID: try column.next(),
                event: try column.next(),
                recipient: try column.next(),
                code: try column.next(),
                fault: try column.next()
            )
        }
    }

    /// Reports of a webhook do not wait any more.
    static func settle(_ reports: [KeptReport], of webhook: RequestID, in tx: borrowing Transaction) {
        tx.execute(
            """
            update delivery_events set is_waiting = false
            where clinic_id = clinic_id() and notice_id = \(webhook) and is_waiting
                and event_id = any (\(reports.map(\.id)))
            """
        )
    }

    /// Drops events of before, at most so many; gives how many.
    ///
    /// Runs with the `relay` role, which crosses clinics.
    static func forget(before: Instant, limit: Int, in tx: borrowing Transaction) throws -> Int {
        try tx.rows(
            """
            delete from delivery_events where ctid in
                (select ctid from delivery_events where received_at < \(before) limit \(limit))
            """
        ).affected
    }

    /// The attempts that reports can be about: messages that were handed to one of the entries, or may have been.
    static func attempts(
        _ reports: [KeptReport],
        through entries: [ProviderEntryID],
        in tx: borrowing Transaction
    ) throws -> [ReportedAttempt] {
        let messages = Array(Set(reports.compactMap(\.message)))
        let providerIDs = Array(Set(reports.compactMap(\.providerMessageID)))
        let rows = try tx.rows(
            """
            select message_id, number, provider_message_id, channel, provider, fingerprint, started_at, outcome is null,
                outcome is not distinct from 'unknown_outcome', is_default from message_attempts
            where clinic_id = clinic_id() and message_id = any (\(messages)) and entry_id = any (\(entries))
                and (outcome is null or outcome in ('accepted', 'unknown_outcome'))
            union
            select message_id, number, provider_message_id, channel, provider, fingerprint, started_at, outcome is null,
                outcome is not distinct from 'unknown_outcome', is_default from message_attempts
            where clinic_id = clinic_id() and provider_message_id = any (\(providerIDs)) and entry_id = any (\(entries))
                and (outcome is null or outcome in ('accepted', 'unknown_outcome'))
            """
        )
        return try rows.map { row in
            var column = row.reader()
            return ReportedAttempt(
                message: try column.next(),
                number: try column.next(),
                providerMessageID: try column.next(),
                channel: try column.next(),
                provider: try column.next(),
                fingerprint: try column.next(),
                startedAt: try column.next(),
                isOpen: try column.next(),
                isLost: try column.next(),
                isDefault: try column.next()
            )
        }
    }

    /// Whom messages are for, by keyed hash.
    static func recipients(_ messages: [MessageID], in tx: borrowing Transaction) throws -> [MessageID: Recipient] {
        let rows = try tx.rows(
            """
            select id, recipient_index, phone_index, category, exists (
                select from suppressions s where s.clinic_id = m.clinic_id and s.address_index = m.phone_index
                    and s.reason = 'hard_bounce')
            from messages m where clinic_id = clinic_id() and id = any (\(messages))
            """
        )
        var found: [MessageID: Recipient] = [:]
        for row in rows {
            var column = row.reader()
            let message: MessageID = try column.next()
            found[message] = Recipient(
                email: try column.next(),
                phone: try column.next(),
                category: try column.next(),
                hasBounced: try column.next()
            )
        }
        return found
    }

    /// Whether a message has arrived by a channel.
    static func hasArrived(_ message: MessageID, by channel: MessageChannel, in tx: borrowing Transaction) throws
        -> Bool
    {
        let arrivals = DeliveryEvent.allCases.filter { $0.status == .delivered || $0.status == .opened }
        return try !tx.rows(
            """
            select 1 from message_attempts where clinic_id = clinic_id() and message_id = \(message)
                and channel = \(channel.rawValue) and event = any (\(arrivals.map(\.rawValue)))
            """
        ).isEmpty
    }

    /// Whom a message is for, and what it is about.
    struct Recipient: Sendable {
        let email: [UInt8]?
        let phone: [UInt8]?
        let category: MessageCategory
        /// The number is said to take nothing, on one channel or another.
        var hasBounced: Bool

        /// The keyed hash of the address that a channel uses; `nil` for push, whose addresses are not found again.
        func index(for channel: String) -> [UInt8]? {
            switch MessageChannel(rawValue: channel) {
            case .email: email
            case .sms, .whatsapp: phone
            case .push, nil: nil
            }
        }
    }
}
