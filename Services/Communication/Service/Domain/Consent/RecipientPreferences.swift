import AccessAPI
import CommunicationAPI
import Contracts
import Core

/// What a recipient and the clinic want of a message: through which channels, and not at which hours.
///
/// What the clinic keeps of a contact and what a person has chosen in their own account both hold.
struct RecipientPreferences: Sendable {
    /// The contact's, of the message's category.
    var category: CategoryPreference?
    /// The account's, of the message's kind.
    var notice: NoticePreference?
    /// The clinic's own quiet hours.
    var quietOfClinic: QuietTime?
    /// The clinic's own order of channels.
    var orderOfClinic: ChannelOrder?
    /// Where the recipient's day is; without it nobody's night is known.
    var zone: TimeZoneName?
    /// Channels on which the contact has declined messages of the category.
    var declined: Set<MessageChannel> = []

    /// The channels among `wanted` that a message may take: in the sender's order where one was asked for, else in the
    /// recipient's, else in the clinic's.
    func channels(
        _ wanted: [MessageChannel],
        _ category: MessageCategory,
        isAskedFor: Bool
    ) -> [MessageChannel] {
        let wanted = wanted.filter { !declined.contains($0) }
        let usual = isAskedFor ? wanted : orderOfClinic?.chosen(from: wanted, category) ?? wanted
        guard !chosenChannels.isEmpty else { return usual }
        let left = chosenChannels.reduce(wanted) { left, chosen in
            isAskedFor ? left.filter(chosen.contains) : chosen.filter(left.contains)
        }
        // Who asks for a code gets it, be it on a channel they like less.
        return left.isEmpty && category == .security ? usual : left
    }

    /// Whether the recipient has said anything of channels.
    var hasChannels: Bool { !chosenChannels.isEmpty || !declined.isEmpty }

    private var chosenChannels: [[MessageChannel]] {
        let account = notice?.channels?.compactMap { MessageChannel(rawValue: $0.rawValue) }
        return [category?.channels, account].compactMap { $0 }
    }

    /// Whether a message may be held up by quiet hours.
    static func canWait(_ priority: MessagePriority, _ category: MessageCategory) -> Bool {
        priority != .critical && category != .security
    }

    var hasQuietHours: Bool {
        category?.quietHours != nil || notice?.quietHours != nil || quietOfClinic != nil
    }

    /// Everybody's quiet hours; none where nobody knows whose night it is.
    var quietPeriods: [QuietPeriods.Period] {
        guard let zone else { return [] }
        let account = notice?.quietHours.map { QuietTime(from: $0.from, to: $0.to) }
        return [category?.quietHours, account, quietOfClinic].compactMap { $0 }.map { .init(time: $0, zone: zone) }
    }

    /// The first moment from `moment` on that is in nobody's quiet hours.
    func start(_ moment: Instant) -> Instant { QuietPeriods(quietPeriods)?.start(from: moment) ?? moment }

    /// The kind of notice that a message is, for those who choose by kind; `nil` for what is no choice.
    static func kind(template: String?, _ category: MessageCategory) -> NoticeKind? {
        if category == .security { return nil }
        if category == .marketing { return .marketing }
        guard let template else { return .clinicMessage }
        return NoticeKind(rawValue: template) ?? kinds[template]
    }

    /// Templates that are called otherwise than their kind.
    private static let kinds: [String: NoticeKind] = [
        "appointment_reminder_2h": .appointmentReminder,
        "appointment_reminder_30min": .appointmentReminder, "booking_accepted": .appointmentConfirmation,
        "booking_approved": .appointmentConfirmation, "overdue": .paymentReminder, "payment_failed": .paymentReminder,
        "refund": .paymentReceived, "video_link": .videoSession,
    ]
}

extension QuietTime {
    /// The setting that holds a clinic's own.
    static let settingsKey = "quietHours"

    /// As a clinic's settings keep them; `nil` where there are none.
    init?(settings: [String: JSONValue]) {
        guard let kept = settings[Self.settingsKey], let from = kept["from"]?.string.flatMap({ TimeOfDay($0) }),
            let to = kept["to"]?.string.flatMap({ TimeOfDay($0) })
        else { return nil }
        self.init(from: from, to: to)
    }

    var stored: JSONValue { ["from": .string(from.description), "to": .string(to.description)] }
}
