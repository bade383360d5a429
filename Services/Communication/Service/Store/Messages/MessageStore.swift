import CommunicationAPI
import Contracts
import Core
import Outbox
import Postgres
import ProviderConfig
import ServiceHost

/// A row of `messages`, its text still sealed.
struct StoredMessage: Sendable {
    var id: MessageID
    var version: Int64
    var status: MessageStatus
    var channels: [String]
    var channel: String?
    var provider: String?
    var template: String?
    /// Of the clinic's own template.
    var templateVersion: Int?
    var category: MessageCategory
    var priority: MessagePriority
    var locale: String?
    var patientID: PatientID?
    var reference: String?
    var sealed: [UInt8]
    var createdAt: Instant
    var updatedAt: Instant
    var sendAt: Instant?
    var expiresAt: Instant?
    var reasonCode: String?
    var reasonDetail: String?
    var waitingFor: String?
    var nextAttemptAt: Instant?
    var rounds: Int
    /// The index in `channels` of the first one that is still to be tried.
    var stage = 0
    /// How often somebody has sent it again.
    var retries = 0
    /// The number of the last attempt before somebody sent it again: attempts up to it decide nothing any more.
    var settledAttempts = 0
    /// Its course, one more with each time it is sent again, goes on to its next channel or is woken early: a job that carries
    /// another one does nothing.
    var course = 0
    /// The id of its last attempt, compared and set when the next one is opened, so that one run alone can; `nil` before the first.
    var opening: AttemptID?

    /// A provider has taken it, and the next channel has its turn if no receipt comes.
    var isAwaitingReceipt: Bool { status == .queued && waitingFor == MessageWait.receipt.rawValue }

    /// Why it cannot be called back although it waits; `nil` where nobody has it.
    ///
    /// - Parameter all: its attempts; those of before somebody sent it again decide nothing.
    func holder(among all: [StoredAttempt]) -> String? {
        let standing = all.filter { $0.number > settledAttempts }.standing
        if isAwaitingReceipt || standing.contains(where: { $0.outcome == .accepted }) {
            return "A provider has taken the message."
        }
        // A lost reply may have been a yes: it is being asked for again. One that is known to have failed was not.
        return standing.isEmpty ? nil : "A provider may have taken the message."
    }

    /// Whether it is over, and was sent by the channel at a place among its channels.
    func wasSent(at place: Int) -> Bool {
        let isOver = [.sent, .failed, .suppressed, .delivered, .opened].contains(status)
        return isOver && channel.map { self.place(of: $0) } == place
    }

    /// Where a channel stands among its channels.
    func place(of channel: String) -> Int { channels.firstIndex(of: channel) ?? 0 }

    /// The first of its attempts of which nobody knows yet whether the provider took it.
    ///
    /// Asked again, the provider has said so by taking it; and a channel that had its turn is left because what it got did
    /// not arrive.
    func unresolved(among attempts: [StoredAttempt]) -> StoredAttempt? {
        attempts.first { attempt in
            attempt.outcome == .unknownOutcome && attempt.number > settledAttempts
                && place(of: attempt.channel) >= stage
                && !attempts.contains {
                    $0.outcome == .accepted && $0.number > attempt.number && $0.isSamePlace(attempt)
                }
        }
    }
}

extension MessageStatus: Column {}
extension MessageCategory: Column {}
extension MessagePriority: Column {}
extension AttemptOutcome: Column {}

/// The rows of messages, in transactions that are opened for the clinic.
enum MessageStore {
    /// In the order in which `read` reads them.
    static let columns: Query = """
        id, version, status, channels, channel, provider, template, template_version, category, priority, locale, patient_id,
        reference, sealed, created_at, updated_at, send_at, expires_at, reason_code, reason_detail, waiting_for, next_attempt_at,
        rounds, stage, retries, settled_attempts, course, opening
        """

    /// Stores a message, with the transaction's others.
    static func insert(
        _ message: StoredMessage,
        to addresses: AddressHashes,
        by actor: String,
        in tx: borrowing Transaction
    ) {
        tx.gather(NewMessage(message: message, addresses: addresses, actor: actor))
    }

    static func find(_ id: MessageID, in tx: borrowing Transaction) throws -> StoredMessage? {
        try tx.rows("select \(columns) from messages where clinic_id = clinic_id() and id = \(id)").first.map(decode)
    }

    /// Messages that may be to be sent, whether their clinic is suspended, and where its day is, as far as it is known.
    static func toSend(
        _ ids: [MessageID],
        in tx: borrowing Transaction
    ) throws -> (messages: [StoredMessage], isSuspended: Bool, zone: TimeZoneName?) {
        let rows = try tx.rows(
            """
            select \(columns), (select suspended from known_clinics where clinic_id = clinic_id()),
                (select time_zone from known_clinics where clinic_id = clinic_id())
            from messages where clinic_id = clinic_id() and id = any (\(ids))
            """
        )
        var found: (messages: [StoredMessage], isSuspended: Bool, zone: TimeZoneName?) = ([], false, nil)
        for row in rows {
            var column = row.reader()
            found.messages.append(try read(&column))
            // The clinic is the same in every row.
            guard found.messages.count == 1 else { continue }
            let isSuspended: Bool? = try column.next()
            found.isSuspended = isSuspended ?? false
            found.zone = try column.next()
        }
        return found
    }

    /// The message, kept from others until the transaction ends.
    static func lock(_ id: MessageID, in tx: borrowing Transaction) throws -> StoredMessage? {
        try tx.rows("select \(columns) from messages where clinic_id = clinic_id() and id = \(id) for update").first
            .map(decode)
    }

    /// Newest first, after a position.
    static func list(_ filter: MessageFilter, after: (Instant, MessageID)?, limit: Int, in tx: borrowing Transaction)
        throws
        -> [StoredMessage]
    {
        var query: Query = "select \(columns) from messages where clinic_id = clinic_id()"
        query += filter.conditions
        if filter.isOldestFirst {
            if let (at, id) = after { query += " and (created_at, id) > (\(at), \(id))" }
            query += " order by created_at, id limit \(limit)"
        } else {
            if let (at, id) = after { query += " and (created_at, id) < (\(at), \(id))" }
            query += " order by created_at desc, id desc limit \(limit)"
        }
        return try tx.rows(query).map(decode)
    }

    /// Puts messages on their way; gives the openings that may be written.
    ///
    /// Those are of messages that have not expired, and that nobody has ended, begun anew, or opened an attempt of
    /// meanwhile. One that was committed before, and nobody knew, is given again.
    static func startSending(
        _ openings: [AttemptOpening],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Set<AttemptID> {
        let rows = try tx.rows(
            """
            update messages as m set status = 'sending', waiting_for = null, next_attempt_at = null, opening = o.id,
                updated_at = \(now), version = version + 1
            from unnest(\(openings.map(\.message)), \(openings.map(\.course)), \(openings.map(\.id)),
                \(OptionalColumns(openings.map(\.previous)))) as o (message_id, course, id, previous)
            where m.clinic_id = clinic_id() and m.id = o.message_id and m.status in ('queued', 'sending')
                and m.course = o.course and (m.expires_at is null or m.expires_at > \(now))
                and (m.opening is not distinct from o.previous or m.opening = o.id)
            returning o.id
            """
        )
        return Set(try rows.map { try $0[0] as AttemptID })
    }

    /// Lets the message wait for its next round, unless it was begun anew.
    static func wait(
        _ message: StoredMessage,
        for wait: MessageWait,
        until: Instant,
        rounds: Int,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        tx.execute(
            """
            update messages set status = 'queued', waiting_for = \(wait.rawValue), next_attempt_at = \(until),
                rounds = \(rounds), updated_at = \(now), version = version + 1
            where clinic_id = clinic_id() and id = \(message.id) and course = \(message.course)
                and status in ('queued', 'sending')
            """
        )
        try tx.flush()
    }

    /// Begins a message anew that came to an end, as if it had not been tried; not before the time it was to be sent at.
    static func retry(_ message: StoredMessage, at now: Instant, in tx: borrowing Transaction) throws {
        let schedule = message.sendAt.flatMap { $0 > now ? $0 : nil }
        let wait: MessageWait = schedule == nil ? .retry : .schedule
        tx.execute(
            """
            update messages set status = 'queued', waiting_for = \(wait.rawValue), next_attempt_at = \(schedule ?? now),
                stage = 0, rounds = 0,
                course = \(message.course + 1), reason_code = null, reason_detail = null, channel = null, provider = null,
                retries = retries + 1,
                settled_attempts = (select coalesce(max(number), 0) from message_attempts
                    where clinic_id = clinic_id() and message_id = \(message.id)),
                updated_at = \(now), version = version + 1
            where clinic_id = clinic_id() and id = \(message.id)
            """
        )
        try SendMessageJob.enqueue(
            message.id,
            course: message.course + 1,
            priority: message.priority,
            dueAt: schedule,
            in: tx
        )
    }

    /// Ends messages; what has ended, or was begun anew since, is not ended.
    static func end(_ ends: [(id: MessageID, course: Int, end: MessageEnd)], in tx: borrowing Transaction) {
        guard !ends.isEmpty else { return }
        tx.execute(
            """
            update messages set status = e.ended_as, reason_code = e.why, reason_detail = e.why_in_words,
                channel = coalesce(e.through_channel, channel), provider = coalesce(e.through_provider, provider),
                waiting_for = null, next_attempt_at = null, updated_at = e.ended_at, version = version + 1
            from unnest(\(ends.map(\.id)), \(ends.map(\.course)), \(ends.map(\.end.status.rawValue)),
                \(OptionalColumns(ends.map { $0.end.reason?.code })), \(OptionalColumns(ends.map { $0.end.reason?.detail })),
                \(OptionalColumns(ends.map(\.end.channel))), \(OptionalColumns(ends.map(\.end.provider))),
                \(ends.map(\.end.at)))
                as e (message_id, on_course, ended_as, why, why_in_words, through_channel, through_provider, ended_at)
            where clinic_id = clinic_id() and id = e.message_id and course = e.on_course
                and status in ('queued', 'sending')
            """
        )
    }

    static func decode(_ row: Row) throws -> StoredMessage {
        var column = row.reader()
        return try read(&column)
    }

    /// Reads the columns of a message, and leaves the reader behind them.
    private static func read(_ column: inout RowReader) throws -> StoredMessage {
        StoredMessage(
            id: try column.next(),
            version: try column.next(),
            status: try column.next(),
            channels: try column.next(),
            channel: try column.next(),
            provider: try column.next(),
            template: try column.next(),
            templateVersion: try column.next(),
            category: try column.next(),
            priority: try column.next(),
            locale: try column.next(),
            patientID: try column.next(),
            reference: try column.next(),
            sealed: try column.next(),
            createdAt: try column.next(),
            updatedAt: try column.next(),
            sendAt: try column.next(),
            expiresAt: try column.next(),
            reasonCode: try column.next(),
            reasonDetail: try column.next(),
            waitingFor: try column.next(),
            nextAttemptAt: try column.next(),
            rounds: try column.next(),
            stage: try column.next(),
            retries: try column.next(),
            settledAttempts: try column.next(),
            course: try column.next(),
            opening: try column.next()
        )
    }
}
