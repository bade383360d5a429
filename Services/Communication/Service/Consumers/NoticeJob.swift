import CommunicationAPI
import Contracts
import Core
import Jobs
import Logging
import Postgres
import ProviderConfig
import Resilience
import Telemetry

/// What a patient or a user is to be told.
enum Notice: Codable, Sendable, Equatable {
    case visit(VisitNotice)
    case reminder(ReminderNotice)
    case answer(AnswerNotice)
    case invoice(InvoiceNotice)
    case security(SecurityNotice)

    /// What it stands for in lists and logs.
    var reference: String {
        switch self {
        case .visit(let visit): VisitNotice.reference(of: visit.appointment)
        case .reminder(let reminder): VisitNotice.reference(of: reminder.appointment)
        case .answer(let answer): "inbound:\(answer.question)"
        case .invoice(let notice): "invoice:\(notice.invoice)"
        case .security(let notice): "notice:\(notice.id)"
        }
    }
}

/// Makes a message of a notice, once everything it needs to say has arrived.
struct NoticeJob: TransactionalJobHandler {
    static let name = "messages.notice"
    /// The patient's own event may come after the visit's.
    static let retry = RetryPolicy(
        attempts: 40,
        base: .milliseconds(500),
        cap: .seconds(300),
        floor: .milliseconds(100)
    )

    let intake: MessageIntake
    let log: Logger

    func run(_ notices: [Notice], in tx: borrowing Transaction) throws {
        guard let clinic = tx.tenant?.clinic else { throw JobFailure.permanent("no_clinic") }
        let sender = MessageIntake.Sender(clinic: clinic, actor: "system", now: .now())
        let sealer = try intake.dataKeys.sealer(for: clinic, in: tx)
        let terms = try intake.terms(of: clinic, in: tx)
        let tally = AcceptedTally()
        for notice in notices {
            let found = try self.draft(of: notice, from: sender, on: terms, tally: tally, sealer: sealer, in: tx)
            guard let draft = found else { continue }
            do {
                _ = try intake.accept(draft, from: sender, on: terms, tally: tally, in: tx)
            } catch let problem as Problem {
                // A clinic without e-mail, a patient without an address: it is seen that nobody was told, and the others go on.
                note(problem, of: notice)
                try intake.refuse(draft, because: problem, from: sender, on: terms, in: tx)
            }
        }
        // Only the commit can still fail.
        tally.tell()
    }

    /// What is to be said; `nil` when there is nothing to be said any more, and for an answer, which has been sent here.
    private func draft(
        of notice: Notice,
        from sender: MessageIntake.Sender,
        on terms: MessageIntake.Terms,
        tally: AcceptedTally,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> MessageDraft? {
        do {
            switch notice {
            case .visit(let visit):
                // What the visit has become is a notice of its own.
                guard try !visit.isOvertaken(in: tx) else { return nil }
                return try visit.draft(at: sender.now, sealer: sealer, in: tx)
            case .reminder(let reminder):
                return try reminder.draft(at: sender.now, on: terms, sealer: sealer, in: tx)
            case .invoice(let notice): return try notice.draft(sealer: sealer, in: tx)
            case .security(let notice): return try notice.draft(at: sender.now, sealer: sealer, in: tx)
            case .answer(let answer):
                try send(answer, from: sender, on: terms, tally: tally, sealer: sealer, in: tx)
                return nil
            }
        } catch let problem as Problem {
            // The visit is over, or somebody has been answered too often: nothing is written.
            note(problem, of: notice)
            return nil
        }
    }

    private func note(_ problem: Problem, of notice: Notice) {
        log.notice(
            "A notice was not sent",
            metadata: .fields([.reason: problem.code, .aggregate: notice.reference])
        )
    }

    /// Answers where somebody has written, at once.
    private func send(
        _ answer: AnswerNotice,
        from sender: MessageIntake.Sender,
        on terms: MessageIntake.Terms,
        tally: AcceptedTally,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws {
        guard let question = try AnswerStore.question(answer.question, in: tx), !question.isAnswered else { return }
        guard try Self.isDue(answer, to: question, at: sender.now, in: tx) else { return }
        let text = try InboundStore.address(question.sealed, contactIndex: question.contactIndex, with: sealer)
        guard let address = ChannelAddress(question.channel, text) else { return }
        let contacts = try ContactStore.find(question.contactIndex, in: tx)
        var draft = try answer.draft(
            to: address,
            contacts,
            asked: question.receivedAt,
            at: sender.now,
            sealer: sealer,
            in: tx
        )
        if let language = answer.language {
            // Whose language nobody knows is answered in that of their word.
            let contact = try draft.to.contactId.flatMap {
                try ContactStore.reach($0, dataKeys: intake.dataKeys, in: tx)
            }
            if contact?.locale == nil { draft.locale = language }
        }
        let sent = try intake.accept(
            draft,
            answeringThrough: question.entry,
            confirming: answer.confirms,
            from: sender,
            on: terms,
            tally: tally,
            in: tx
        )
        AnswerStore.note(sent.id, to: answer.question, at: sender.now, in: tx)
    }

    /// Whether somebody is answered: nobody who has ended messages, unless that is what they are told, and nobody twice.
    ///
    /// Throws 429 where it would be without end.
    private static func isDue(
        _ answer: AnswerNotice,
        to question: Question,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        guard answer.expiry(askedAt: question.receivedAt, at: now) > now else { return false }
        let place = [(channel: question.channel, addressIndex: question.contactIndex)]
        let found = try SuppressionStore.inForce([question.contactIndex], at: now, in: tx)
        let answered: Int
        let most: Int
        if let confirmed = answer.confirms {
            let before = try AnswerStore.confirmations(
                of: confirmed,
                before: question,
                since: now - AnswerRules.confirmationSpan,
                stoppedAt: found.filter { $0.channel == question.channel && $0.reason == .stop }.map(\.createdAt).max(),
                in: tx
            )
            if before.isKnown { return false }
            answered = before.count
            most = AnswerRules.mostConfirmations
        } else {
            let since = now - AnswerRules.hour
            answered = try AnswerStore.count(in: question.conversation, since: since, in: tx)
            most = AnswerRules.mostPerHour
        }
        guard answered < most else {
            throw Problem(429, "too_many_answers", "The conversation has been answered too often.")
        }
        // Whoever has changed their mind since is told of that alone.
        let isStopped = SuppressionStore.optOuts(found, place, .care)[question.channel] == .stop
        let blocking = SuppressionStore.weightiest(found, place, .care, confirming: answer.confirms)
        return isStopped == (answer.confirms == .stop) && blocking.isEmpty
    }
}

/// An event that the notice needs has not arrived yet.
struct NotYetKnown: Error {}
