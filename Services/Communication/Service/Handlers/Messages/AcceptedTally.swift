import CommunicationAPI
import Metrics
import Synchronization
import Telemetry

/// Counts the messages that one transaction takes in, to be told when it has committed.
final class AcceptedTally: Sendable {
    private let counts = Mutex<[MessageChannel: Int]>([:])

    /// What would be told now.
    var noted: [MessageChannel: Int] { counts.withLock { $0 } }

    /// Forgets what a run counted that was undone.
    func begin() { counts.withLock { $0 = [:] } }

    /// - Parameter channel: the one that is tried first.
    func note(_ channel: MessageChannel) { counts.withLock { $0[channel, default: 0] += 1 } }

    /// Adds them to what the process has counted.
    func tell() {
        for (channel, count) in noted {
            Counter(.messagesAccepted, [(.channel, channel.rawValue)]).increment(by: count)
        }
    }
}
