package import Core

/// One direction between processes: who writes what to whom.
///
/// Each has a key of its own.
package struct Edge: Hashable, Sendable {
    /// The process that seals: `gateway`, a service's name or `operator`.
    package let writer: String
    /// What it writes: `requests:access`, `replies:access:gateway`, `events:access`, `broadcast:access`.
    package let stream: String

    /// The key's name in key files and in its derivation.
    package var name: String { "\(writer)>\(stream)" }

    package static func requests(from process: String, to service: ServiceName) -> Edge {
        Edge(writer: process, stream: "requests:\(service.rawValue)")
    }

    package static func replies(from service: ServiceName, to process: String) -> Edge {
        Edge(writer: service.rawValue, stream: "replies:\(service.rawValue):\(process)")
    }

    package static func events(_ topic: ServiceName) -> Edge {
        Edge(writer: topic.rawValue, stream: "events:\(topic.rawValue)")
    }

    /// What access has told people about their accounts: for communication to read, and for nobody on the way.
    ///
    /// No stream has this name. What is sealed for it lies inside events.
    package static let notices = Edge(writer: ServiceName.access.rawValue, stream: "notices:communication")

    package static func broadcast(_ topic: String, from process: String) -> Edge {
        Edge(writer: process, stream: "broadcast:\(topic)")
    }
}

extension Edge {
    /// The processes that talk over the bus.
    package static let gateway = "gateway"
    package static let operatorProcess = "operator"
    package static let processes = [gateway, operatorProcess] + ServiceName.allCases.map(\.rawValue)

    /// The topics of news, each with the processes that write it.
    ///
    /// Everybody reads all of them.
    package static let broadcasts: [String: [String]] = [
        "access": [ServiceName.access.rawValue],
        "configuration": ServiceName.allCases.map(\.rawValue),
        "live": ServiceName.allCases.map(\.rawValue),
    ]

    /// All edges there are.
    package static let all: [(edge: Edge, readers: Set<String>)] = {
        var all: [(edge: Edge, readers: Set<String>)] = []
        for service in ServiceName.allCases {
            // Services ask access alone (policy, audit), access itself too; the gateway and the operator ask everyone.
            let asking = service == .access ? processes : [gateway, operatorProcess]
            for process in asking {
                all.append((.requests(from: process, to: service), [service.rawValue]))
                all.append((.replies(from: service, to: process), [process]))
            }
            for part in TopicPart.allCases { all.append((part.edge(service), Set(part.groups(of: service)))) }
        }
        all.append((.notices, [ServiceName.communication.rawValue]))
        for (topic, writers) in broadcasts.sorted(by: { $0.key < $1.key }) {
            for writer in writers { all.append((.broadcast(topic, from: writer), Set(processes))) }
        }
        return all
    }()

    /// The edges a process stands at, at either end.
    package static func edges(of process: String) -> [Edge] {
        all.filter { $0.edge.writer == process || $0.readers.contains(process) }.map(\.edge)
    }
}
