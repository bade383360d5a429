import CommunicationAPI
import Core

/// When an address that takes no messages for the time being is left alone.
///
/// One message may fail for its own sake, and all of an hour for a provider's; where it goes on for days, each is paid for and
/// reaches nobody.
enum SoftBounceRules {
    /// So many messages to it, one after the other, did not arrive.
    static let most = 5
    /// Over so long at least: what passes in an hour or a day is no fault of the address.
    static let shortest: Duration = .seconds(3 * 86_400)
    /// What was longer ago says nothing of it now.
    static let memory: Duration = .seconds(30 * 86_400)
    /// For so long it is sent nothing on the channel.
    static let pause: Duration = .seconds(30 * 86_400)
    /// Of its attempts so many of the newest are looked at.
    static let mostLookedAt = 50

    /// A provider that took a message to the address, and what it told of it since.
    struct Attempt: Sendable {
        let message: MessageID
        let startedAt: Instant
        /// The furthest; `nil` for nothing.
        let event: DeliveryEvent?
    }

    /// Whether an address is to be left alone.
    ///
    /// Of what was handed over last a provider may still tell; of what was handed over before something that came back, silence
    /// is taken for good news. A message that came back several times is one.
    ///
    /// - Parameter attempts: to it on the channel, the newest first, since it was heard from last.
    static func isToBeLeftAlone(after attempts: [Attempt]) -> Bool {
        let told = attempts.drop { $0.event?.isFailure != true && $0.event?.hasArrived != true }
        let row = told.prefix { $0.event?.isFailure == true }.filter { $0.event == .softBounce }
        guard let last = row.first, let first = row.last, Set(row.map(\.message)).count >= most else { return false }
        return last.startedAt - first.startedAt >= shortest
    }
}
