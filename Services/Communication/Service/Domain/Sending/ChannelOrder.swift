import CommunicationAPI
import Contracts

/// A clinic's own order of channels, for messages of which neither the sender nor the recipient names one.
struct ChannelOrder: Sendable, Equatable {
    /// The setting that holds it.
    static let settingsKey = "channels"

    let channels: [MessageChannel]

    init(_ channels: [MessageChannel]) { self.channels = channels }

    /// As a clinic's settings keep it; `nil` where it has chosen none.
    init?(settings: [String: JSONValue]) {
        guard case .array(let names) = settings[Self.settingsKey] else { return nil }
        let channels = names.compactMap { $0.string.flatMap(MessageChannel.init(rawValue:)) }
        if channels.isEmpty { return nil }
        self.init(channels)
    }

    var stored: JSONValue { .array(channels.map { .string($0.rawValue) }) }

    /// Those of the channels that can be sent through which a message of a category takes.
    ///
    /// What the order leaves out is not used; only what concerns somebody's account is tried there at last.
    func chosen(from configured: [MessageChannel], _ category: MessageCategory) -> [MessageChannel] {
        let left = channels.filter(configured.contains)
        guard category == .security else { return left }
        return left + configured.filter { !channels.contains($0) }
    }
}
