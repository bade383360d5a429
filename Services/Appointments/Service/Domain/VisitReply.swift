import Core

/// What a patient's reply asks for, in the light of what they were told before.
enum VisitReply: Sendable, Equatable {
    case confirm, cancel
    /// Another time, whichever there is.
    case reschedule
    /// One of the times that were offered.
    case choose(Instant)
    /// To be told them once more, for what was said may not have been about them.
    case offerAgain
    /// None of them.
    case keep

    /// `nil` for what asks nothing of the calendar.
    ///
    /// - Parameters:
    ///   - command: as communication understood it.
    ///   - choice: the number that was said and nothing else.
    ///   - offered: the times there are to choose from, in the order of their numbers.
    ///   - isAboutVisit: the message that it follows was about a visit, so that a bare yes or no is as well.
    ///   - isAboutAnother: that was another visit than the one for which times are offered.
    init?(command: String?, choice: Int?, offered: [Instant], isAboutVisit: Bool, isAboutAnother: Bool = false) {
        let answersOffer = !offered.isEmpty && !isAboutAnother
        switch command {
        case "confirm": self = .confirm
        case "cancel": self = .cancel
        case "reschedule": self = .reschedule
        // Which of the times is not said; asked again they see the numbers.
        case "yes" where answersOffer: self = .reschedule
        case "yes" where isAboutVisit: self = .confirm
        // Whoever wants none of the times has not given up the visit.
        case "no" where answersOffer: self = .keep
        case "no" where isAboutVisit: self = .cancel
        case nil:
            guard let choice, (1...max(offered.count, 1)).contains(choice), !offered.isEmpty else { return nil }
            // Only the times had numbers, but whoever has read of another visit since may mean something else.
            self = isAboutAnother ? .offerAgain : .choose(offered[choice - 1])
        default: return nil
        }
    }

    /// What has to be possible for it.
    var move: VisitMove {
        switch self {
        case .confirm: .confirm
        case .cancel: .cancel
        case .reschedule, .choose, .offerAgain, .keep: .reschedule
        }
    }

    /// Whether it is about the times that were offered, and so about their visit and no other.
    var isAboutOffer: Bool {
        switch self {
        case .choose, .offerAgain, .keep: true
        case .confirm, .cancel, .reschedule: false
        }
    }
}
