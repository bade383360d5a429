import AppointmentsAPI
import Core

/// What commands are answered, and how often.
enum AnswerRules {
    /// Answers in one conversation and hour; two machines that answer each other come to rest.
    static let mostPerHour = 10
    static let hour: Duration = .seconds(3_600)
    /// After so long nobody waits for an answer any more; what is offered by it holds no longer either.
    static let answerTime: Duration = .seconds(86_400)
    /// A STOP is confirmed within so long or not at all: later it would be one of the messages that it ended.
    ///
    /// Whoever takes longer has to give a reason in the United States (47 CFR 64.1200(a)(12)).
    static let stopConfirmationTime: Duration = .seconds(300)
    /// Whoever says STOP, or START, again within so long while it still holds has been told already.
    static let confirmationSpan: Duration = .seconds(86_400)
    /// Confirmations in one conversation and span; two machines that say STOP and START in turn come to rest.
    static let mostConfirmations = 4

    /// Templates that tell that a visit stays: a no to one of them, however late or often it is said, does not give it up.
    static let leavingVisits = [VisitCommandResult.offered, .kept, .noneFree].map { template(for: $0) }

    /// Templates that explain and name no visit: what is answered is still the message before.
    static let explanations =
        [BuiltInTemplates.help, BuiltInTemplates.stopConfirmation, BuiltInTemplates.startConfirmation]
        + [VisitCommandResult.noVisit, .severalVisits].map { template(for: $0) }

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
