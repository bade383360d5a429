import CommunicationAPI
import Core

/// Whether a visit is held, and when.
struct VisitStanding: Sendable, Equatable {
    var isCancelled: Bool
    var start: Instant
}

/// What is said of when a visit is, and how long it is worth saying.
enum VisitNews {
    /// What says when a visit is: once that has changed, it is not so.
    static let timely: [String] =
        [BuiltInTemplates.appointmentConfirmation, BuiltInTemplates.appointmentChange]
        + ReminderTime.allCases.map(\.template)

    /// Why a message ends that says when a visit is, and has not gone before the visit was cancelled or moved.
    static let changed = MessageReason(
        code: "visit_changed",
        detail: "The visit was cancelled or moved before the message was sent."
    )

    /// Whether what was said of when a visit is holds no more.
    ///
    /// - Parameter former: how the visit stood until now; `nil` where nobody knows.
    static func isChange(from former: VisitStanding?, to now: VisitStanding) -> Bool {
        if now.isCancelled { return former?.isCancelled != true }
        return former.map { $0.start != now.start } ?? false
    }

    /// What nobody is helped by in the morning: the visit has moved to before then, or is not held.
    private static let templates: Set<String> = [
        BuiltInTemplates.appointmentChange, BuiltInTemplates.appointmentCancellation,
    ]

    /// Whether a message is sent at night because it would come too late afterwards; a reminder then goes by itself.
    ///
    /// - Parameter opening: when the night is over.
    static func passesNight(_ template: String?, expiresAt: Instant?, until opening: Instant) -> Bool {
        guard let template, let expiresAt else { return false }
        return templates.contains(template) && expiresAt <= opening
    }
}
