/// What somebody wants who answers a message with a word.
enum InboundCommand: String, Sendable, Equatable, CaseIterable {
    case confirm, cancel, reschedule
    case yes, no
    /// No more messages on this channel.
    case stop
    /// Messages again.
    case start
    case help

    /// Whether it says something of a visit, be it in answer to a question.
    var concernsVisit: Bool {
        switch self {
        case .confirm, .cancel, .reschedule, .yes, .no: true
        case .stop, .start, .help: false
        }
    }
}
