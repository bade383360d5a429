import CommunicationAPI
import Core
import Postgres
import ProviderConfig

/// What providers' receipts, or their absence, do to messages.
extension MessageStore {
    /// Moves a message to where a provider's event says it is, if that is forward; one that did not arrive goes on to its
    /// next channel instead, if it has one.
    ///
    /// - Returns: `false` where it is too early to say.
    @discardableResult
    static func deliver(
        _ attempt: ReportedAttempt,
        _ event: DeliveryEvent,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        guard let message = try lock(attempt.message, in: tx) else { return true }
        // Somebody has sent it again since: what became of it before decides nothing any more.
        guard attempt.number > message.settledAttempts else { return true }
        let place = message.place(of: attempt.channel)
        let attempts = try AttemptStore.present(of: message, in: tx)
        // That it was handed over, told after what became of it then, is no news.
        let told = attempts.first { $0.number == attempt.number }?.news
        if event == .sent, told?.event.isFailure == true { return true }
        let standing = attempts.told(event, of: attempt.number, at: now).standing
        let effect = DeliveryRules.effect(
            of: event,
            at: place,
            taken: attempts.filter { $0.outcome == .accepted && $0.channel == attempt.channel }.count,
            isLost: attempt.isLost,
            isSuperseded: standing.contains { $0.outcome == .accepted && $0.number > attempt.number },
            isExpired: message.expiresAt.map { $0 <= now } ?? false,
            on: message
        )
        if effect == .later { return false }
        // Whatever becomes of this message: no text gets through before its recipient writes again.
        if event == .outsideWindow { ConversationWindowStore.close(with: message.id, by: attempt.provider, in: tx) }
        switch effect {
        case .none, .later: break
        case .sameChannel(let pause): try goOn(message, at: place, after: pause, in: tx)
        case .nextChannel: try goOn(message, at: place + 1, in: tx)
        case .moves: move(message, event, through: attempt, beside: standing, at: now, in: tx)
        case .comesBack: show(event.reason, of: message, at: now, in: tx)
        }
        return true
    }

    /// Shows of a message that has arrived why it came back.
    private static func show(
        _ reason: MessageReason?,
        of message: StoredMessage,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update messages set reason_code = \(reason?.code), reason_detail = \(reason?.detail), updated_at = \(now),
                version = version + 1
            where clinic_id = clinic_id() and id = \(message.id)
            """
        )
    }

    /// Lets a message that was taken wait for its receipt, until its next channel has its turn.
    static func awaitReceipt(
        _ message: StoredMessage,
        from channel: String,
        _ provider: String,
        until: Instant,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        tx.execute(
            """
            update messages set status = 'queued', waiting_for = 'receipt', next_attempt_at = \(until),
                channel = \(channel), provider = \(provider), updated_at = \(now), version = version + 1
            where clinic_id = clinic_id() and id = \(message.id) and course = \(message.course)
                and status in ('queued', 'sending')
            """
        )
        try tx.flush()
    }

    /// Begins again at a channel, mostly a later one, with a job of its own: the job of before does nothing more.
    static func goOn(
        _ message: StoredMessage,
        at stage: Int,
        after pause: Duration = .zero,
        in tx: borrowing Transaction
    ) throws {
        let now = Instant.now()
        tx.execute(
            """
            update messages set status = 'queued', waiting_for = 'retry', next_attempt_at = \(now + pause), stage = \(stage),
                course = \(message.course + 1), reason_code = null, reason_detail = null, rounds = 0, updated_at = \(now), version = version + 1
            where clinic_id = clinic_id() and id = \(message.id)
            """
        )
        try SendMessageJob.enqueue(
            message.id,
            course: message.course + 1,
            priority: message.priority,
            dueAt: pause == .zero ? nil : now + pause,
            in: tx
        )
    }

    /// - Parameter standing: by which it may have arrived all the same.
    private static func move(
        _ message: StoredMessage,
        _ event: DeliveryEvent,
        through attempt: ReportedAttempt,
        beside standing: [StoredAttempt],
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        // Who says to have it, or that it arrived, is whom it is shown with; a failure need not be of the channel tried last.
        let isShown = !event.isFailure || message.channel == nil
        let end = MessageEnd(
            event.status,
            DeliveryRules.reason(after: event, of: message.reasonCode, by: attempt.channel),
            channel: isShown ? attempt.channel : message.channel,
            provider: isShown ? attempt.provider : message.provider,
            at: now
        ).decided(by: standing)
        // Of the others nobody knows more than before.
        if end.status == .unknown, message.status == .unknown { return }
        tx.execute(
            """
            update messages set status = \(end.status.rawValue), reason_code = \(end.reason?.code),
                reason_detail = \(end.reason?.detail), channel = \(end.channel), provider = \(end.provider),
                waiting_for = null, next_attempt_at = null, updated_at = \(now), version = version + 1
            where clinic_id = clinic_id() and id = \(message.id)
            """
        )
    }
}
