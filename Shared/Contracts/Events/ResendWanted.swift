package import Core

/// A service has lost, or never had, what it keeps of others: the owners are to tell everything of the clinic again.
///
/// Access tells it to all of them for every clinic.
package struct ResendWanted: EventPayload, Hashable {
    package static var kind: String { "resend.wanted" }
    package static var category: EventCategory { .clinic }
    package static var topic: ServiceName { .access }
    package static var priority: EventPriority { .bulk }

    /// For whom.
    package var service: ServiceName
    /// Who is to tell.
    package var topics: [ServiceName]

    package init(service: ServiceName, topics: [ServiceName]) {
        self.service = service
        self.topics = topics
    }
}
