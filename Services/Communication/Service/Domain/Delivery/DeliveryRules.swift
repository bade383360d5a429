import CommunicationAPI
import Core

/// What a provider says became of a message that it took.
enum DeliveryEvent: String, Sendable, Equatable, CaseIterable {
    /// The provider has it: news only of a message of which nobody knew that.
    case sent
    case softBounce = "soft_bounce"
    case hardBounce = "hard_bounce"
    /// It would not send to an address that it keeps on a list of its own.
    case dropped
    /// It would not send to somebody who has told it to send nothing.
    case optedOut = "opted_out"
    /// It would not send marketing to somebody who has told it to send none of that.
    case marketingStopped = "marketing_stopped"
    /// It would not send the message after all, whoever it is for.
    case rejected
    /// WhatsApp took a text and then found the conversation closed: an approved template may be sent instead.
    case outsideWindow = "outside_window"
    /// Too many messages to one recipient at once.
    case pairLimited = "pair_limited"
    case delivered
    case opened
    /// The recipient calls it spam.
    case complained
    case unsubscribed

    /// What the message becomes.
    var status: MessageStatus {
        switch self {
        case .sent: .sent
        case .softBounce, .hardBounce, .dropped, .optedOut, .rejected, .outsideWindow, .pairLimited: .failed
        case .marketingStopped: .suppressed
        // Who complains of a message, or of more of them, has got it.
        case .delivered, .complained, .unsubscribed: .delivered
        case .opened: .opened
        }
    }

    /// Why, where it ended badly.
    var reason: MessageReason? {
        switch self {
        case .softBounce: MessageReason(code: rawValue, detail: "The recipient's server did not take it in time.")
        case .hardBounce: MessageReason(code: rawValue, detail: "The recipient's server refused it for good.")
        case .dropped: MessageReason(code: rawValue, detail: "The provider does not send to the recipient any more.")
        case .optedOut: MessageReason(code: rawValue, detail: "The recipient has told the provider to send nothing.")
        case .marketingStopped:
            MessageReason(code: rawValue, detail: "The recipient has told the provider to send no marketing.")
        case .rejected: MessageReason(code: rawValue, detail: "The provider took it and then did not send it.")
        case .outsideWindow: MessageReason(code: rawValue, detail: "They had not written for a day.")
        case .pairLimited: MessageReason(code: rawValue, detail: "The recipient got too many messages at once.")
        case .sent, .delivered, .opened, .complained, .unsubscribed: nil
        }
    }

    /// Whether it says that the message is with its recipient.
    var hasArrived: Bool { self == .delivered || self == .opened }

    /// Whether the message has not arrived.
    var isFailure: Bool { status == .failed || status == .suppressed }

    /// Whether it is a failure that no later delivery mends.
    var isForGood: Bool { [.hardBounce, .optedOut, .marketingStopped].contains(self) }

    /// What the recipient is not to be sent again, after a message of a category; everything when `nil`.
    func suppressed(after category: MessageCategory?) -> MessageCategory? {
        switch self {
        case .marketingStopped: .marketing
        case .unsubscribed: category
        default: nil
        }
    }

    /// Whether nobody is to have a message of a category on whichever channel: its recipient does not want it.
    func ends(_ category: MessageCategory) -> Bool { self == .marketingStopped && category == .marketing }

    /// Why the recipient is not to be written to again on the channel that it happened on; `nil` where they may be.
    func suppression(on channel: MessageChannel) -> SuppressionReason? {
        switch self {
        case .hardBounce, .dropped: .hardBounce
        case .complained: .complaint
        // Who ends texts answers one of them, and has them begin again in the same way.
        case .optedOut where channel != .email: .stop
        case .optedOut, .unsubscribed: .unsubscribe
        case .marketingStopped: .stop
        case .sent, .softBounce, .rejected, .outsideWindow, .pairLimited, .delivered, .opened: nil
        }
    }
}

/// Where a message may go from where it stands, so that it ends the same whatever the order in which events come.
enum DeliveryRules {
    enum Effect: Sendable, Equatable {
        case none
        /// The message is just being handed over: what it comes to decides.
        case later
        /// The message becomes what the event says, unless it may have arrived by another attempt.
        case moves
        /// The message stays where it is, and shows what the event says: it came back after it had arrived.
        case comesBack
        /// It did not arrive, and there is another channel.
        case nextChannel
        /// It did not arrive, and the same channel may still get it there: after so long.
        case sameChannel(Duration)
    }

    /// How often a message to somebody who gets too many at once is handed over, the first time included.
    static let mostPairTries = 4

    /// What an event of a channel's provider does to a message.
    ///
    /// - Parameters:
    ///   - place: of the channel among the message's.
    ///   - taken: how often the channel's providers have taken it, since somebody sent it last.
    ///   - isLost: nobody knows whether the provider took it; it tells now what became of it.
    ///   - isSuperseded: a provider has taken it since, and not told that it did not arrive.
    ///   - isExpired: it is not to be sent any more, by any channel.
    static func effect(
        of event: DeliveryEvent,
        at place: Int,
        taken: Int,
        isLost: Bool = false,
        isSuperseded: Bool = false,
        isExpired: Bool = false,
        on message: StoredMessage
    ) -> Effect {
        guard event.isFailure else {
            // Of a try whose reply came it tells nothing new.
            if event == .sent, !isLost { return .none }
            // Its lost reply is still being asked for: when that is over, this is the answer.
            if event == .sent, [.queued, .sending].contains(message.status) { return .later }
            return moves(message.status, reason: message.reasonCode, event) ? .moves : .none
        }
        // A channel that had its turn, or a try before the one that was taken, cannot fail a message that has gone on; but for one
        // that nobody took afterwards, so that it is by that channel that it is sent, or of which nobody knows.
        if isSuperseded { return .none }
        if place < message.stage {
            return message.wasSent(at: place) || message.status == .unknown ? ended(event, at: place, message) : .none
        }
        if !isExpired, message.isAwaitingReceipt || message.status == .sent,
            let pause = pause(after: event, taken: taken)
        {
            return .sameChannel(pause)
        }
        let hasNext = !isExpired && !event.ends(message.category) && place + 1 < message.channels.count
        let isSentElsewhere = message.channel.map { message.place(of: $0) != place } ?? false
        switch message.status {
        case .sending: return .later
        case .queued where !message.isAwaitingReceipt:
            // What waits to be tried anyway is told nothing new, unless it waits to ask what has just been answered.
            guard isLost else { return .none }
            if hasNext { return .nextChannel }
            // A code is tried again whatever became of the first.
            return message.category == .security ? .none : .moves
        // The provider of a channel before has said that it has it.
        case .sent where !hasNext && isSentElsewhere: return .none
        case .queued, .sent, .unknown: return hasNext ? .nextChannel : .moves
        default: return ended(event, at: place, message)
        }
    }

    /// What a failure does to a message that goes nowhere else any more.
    private static func ended(_ event: DeliveryEvent, at place: Int, _ message: StoredMessage) -> Effect {
        if moves(message.status, reason: message.reasonCode, event) { return .moves }
        let channel = message.channels.indices.contains(place) ? message.channels[place] : nil
        return comesBack(message.status, reason: message.reasonCode, event, by: channel) ? .comesBack : .none
    }

    /// After how long the same channel is to have the message again; `nil` for never.
    private static func pause(after event: DeliveryEvent, taken: Int) -> Duration? {
        switch event {
        // Once: what goes now is a template, which no closed conversation holds back.
        case .outsideWindow: taken == 1 ? .zero : nil
        case .pairLimited: (1..<mostPairTries).contains(taken) ? .seconds(1 << (2 * taken)) : nil
        default: nil
        }
    }

    /// Whether a message that has arrived by a channel may still come back.
    ///
    /// A mail server takes it, and later finds nobody to give it to. Who has a telephone that got a message has one that takes
    /// messages.
    static func mayComeBack(_ channel: MessageChannel) -> Bool { channel == .email }

    private static func mayComeBack(_ channel: String?) -> Bool {
        channel.flatMap { MessageChannel(rawValue: $0) }.map(mayComeBack) ?? false
    }

    /// Whether a message that has arrived by a channel is to show that it came back for good: of several reasons the weightiest.
    static func comesBack(
        _ status: MessageStatus,
        reason: String?,
        _ event: DeliveryEvent,
        by channel: String?
    ) -> Bool {
        guard [.delivered, .opened].contains(status), mayComeBack(channel), event.isForGood else { return false }
        let before = reason.flatMap { DeliveryEvent(rawValue: $0) }.flatMap { rank($0.status, $0.rawValue) }
        return rank(event.status, event.rawValue) ?? 0 > before ?? 0
    }

    /// What a message says that becomes what an event says: why it failed, or that it came back though it arrived.
    static func reason(after event: DeliveryEvent, of reason: String?, by channel: String) -> MessageReason? {
        guard !event.isFailure, mayComeBack(channel), let before = reason.flatMap({ DeliveryEvent(rawValue: $0) }),
            before.isForGood
        else { return event.reason }
        return before.reason
    }

    /// Whether an event is further than where a message stands.
    ///
    /// What ended for a reason of ours stays as it is; a bounce gives way to a delivery, never the other way round.
    static func moves(_ status: MessageStatus, reason: String?, _ event: DeliveryEvent) -> Bool {
        if event == .sent { return status == .unknown }
        guard let now = rank(status, reason), let then = rank(event.status, event.rawValue) else { return false }
        return then > now
    }

    /// Those that an event of a channel outdoes, whichever of them comes first: what may come back has not arrived for good.
    static func events(before event: DeliveryEvent, by channel: String) -> [DeliveryEvent] {
        DeliveryEvent.allCases.filter { other in
            if mayComeBack(channel), event.isForGood != other.isForGood { return event.isForGood }
            return moves(other.status, reason: other.rawValue, event)
        }
    }

    private static func rank(_ status: MessageStatus, _ reason: String?) -> Int? {
        switch (status, reason) {
        case (.queued, _), (.sending, _), (.sent, _), (.unknown, _): 0
        case (.failed, DeliveryEvent.softBounce.rawValue): 1
        case (.failed, DeliveryEvent.pairLimited.rawValue): 2
        case (.failed, DeliveryEvent.outsideWindow.rawValue): 3
        case (.failed, DeliveryEvent.rejected.rawValue): 4
        case (.failed, DeliveryEvent.dropped.rawValue): 5
        case (.failed, DeliveryEvent.hardBounce.rawValue): 6
        case (.failed, DeliveryEvent.optedOut.rawValue): 7
        case (.suppressed, DeliveryEvent.marketingStopped.rawValue): 8
        case (.delivered, _): 9
        case (.opened, _): 10
        case (.failed, _), (.suppressed, _), (.cancelled, _), (.expired, _): nil
        }
    }
}
