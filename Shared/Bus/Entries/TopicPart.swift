import Contracts
package import Core

/// The two streams of a service: its events, and its audit entries, which only access reads.
///
/// Apart, because there are as many audit entries as requests, and nobody else should have to pass over them.
package enum TopicPart: String, Hashable, Sendable, CaseIterable {
    case events, audit

    /// The declared consumer groups.
    package func groups(of topic: ServiceName) -> [String] {
        switch self {
        case .events: EventGroups.all[topic] ?? []
        case .audit: [ServiceName.access.rawValue]
        }
    }

    /// The edge its entries are sealed for.
    func edge(_ topic: ServiceName) -> Edge {
        switch self {
        case .events: .events(topic)
        case .audit: .audit(topic)
        }
    }
}

extension Keyspace {
    /// The stream of a part of a service's topic.
    package func stream(_ topic: ServiceName, _ part: TopicPart) -> String {
        switch part {
        case .events: events(topic)
        case .audit: "\(prefix):{audit:\(topic.rawValue)}:stream"
        }
    }

    /// What of it did not open.
    func quarantine(_ topic: ServiceName, _ part: TopicPart) -> String {
        switch part {
        case .events: eventQuarantine(topic)
        case .audit: "\(prefix):{audit:\(topic.rawValue)}:quarantine"
        }
    }
}

extension Edge {
    package static func audit(_ topic: ServiceName) -> Edge {
        Edge(writer: topic.rawValue, stream: "audit:\(topic.rawValue)")
    }
}
