import AppointmentsAPI
import Core

/// What commands are answered, and how often.
enum AnswerRules {
    /// Answers in one conversation and hour; two machines that answer each other come to rest.
    static let mostPerHour = 10
    static let hour: Duration = .seconds(3_600)
    /// After so long nobody waits for an answer any more; what is offered by it holds no longer either.
    static let answerTime: Duration = .seconds(86_400)

    /// The template that tells what came of a command.
    static func template(for result: VisitCommandResult) -> String {
        switch result {
        case .confirmed: "reply_confirmed"
        case .cancelled: "reply_cancelled"
        case .rescheduled: "reply_rescheduled"
        case .kept: "reply_kept"
        case .offered, .taken: "reply_offer"
        case .noneFree: "reply_none_free"
        case .alreadyCancelled: "reply_already_cancelled"
        case .tooLate: "reply_too_late"
        case .notApproved: "reply_not_approved"
        case .noVisit: "reply_no_visit"
        case .severalVisits: "reply_several_visits"
        }
    }
}
