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
    case receipt(ReceiptNotice)
    case security(SecurityNotice)

    /// What it stands for in lists and logs.
    var reference: String {
        switch self {
        case .visit(let visit): "appointment:\(visit.appointment)"
        case .receipt(let receipt): "invoice:\(receipt.invoice)"
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
            do {
                let draft =
                    switch notice {
                    case .visit(let visit): try visit.draft(at: sender.now, sealer: sealer, in: tx)
                    case .receipt(let receipt): try receipt.draft(sealer: sealer, in: tx)
                    case .security(let notice): try notice.draft(at: sender.now, sealer: sealer, in: tx)
                    }
                _ = try intake.accept(draft, from: sender, on: terms, tally: tally, in: tx)
            } catch let problem as Problem {
                // A clinic without e-mail, a patient without an address: nothing is written, and the others go on.
                log.notice(
                    "A notice was not sent",
                    metadata: .fields([.reason: problem.code, .aggregate: notice.reference])
                )
            }
        }
        // Only the commit can still fail.
        tally.tell()
    }
}

/// An event that the notice needs has not arrived yet.
struct NotYetKnown: Error {}
