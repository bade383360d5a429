/// A person's own instruction about messages, as it is confirmed to them: once, where they gave it.
///
/// Its raw values are those of `InboundCommand`.
enum OptOutConfirmation: String, Codable, Sendable, Equatable, CaseIterable {
    /// No more messages come. It is the one message that passes the suppression that it tells of.
    case stop
    /// Messages come again.
    case start

    /// `nil` for commands that say nothing of messages themselves.
    init?(of command: InboundCommand?) {
        switch command {
        case .stop: self = .stop
        case .start: self = .start
        case .confirm, .cancel, .reschedule, .yes, .no, .help, nil: return nil
        }
    }

    var template: String {
        switch self {
        case .stop: BuiltInTemplates.stopConfirmation
        case .start: BuiltInTemplates.startConfirmation
        }
    }
}
