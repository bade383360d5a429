package import Contracts
package import Core

/// That a service has lost, or never had, what it keeps of others.
package struct ResendAsk: Wire, Hashable {
    /// The same however often it is asked.
    package var id: EventID
    /// Who asks.
    package var service: ServiceName
    /// Whose aggregates it keeps something of.
    package var topics: [ServiceName]

    package init(id: EventID, service: ServiceName, topics: [ServiceName]) {
        self.id = id
        self.service = service
        self.topics = topics
    }

    package static var limits: [Limit] { [.count(CodingKeys.topics, 1...ServiceName.allCases.count)] }
}
