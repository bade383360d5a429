import Bus
package import Contracts
package import Core
import Outbox
package import Postgres

/// Takes events in for a consumer: each once, with its effect, those of one clinic in one transaction.
package struct EventIntake: Sendable {
    private let service: ServiceName
    private let database: Database

    package init(
        service: ServiceName,
        database: Database,
    ) {
        self.service = service
        self.database = database
    }

    /// Throws what kept one of the events from being taken in; others of its batch may have been.
    package func take(_ events: [EventEnvelope], for consumer: ServiceDefinition.Consumer) async throws {
        switch consumer.work {
        case .store(let store): try await store(events)
        case .effect(let kinds, let effect): try await take(events, kinds, effect)
        }
    }

    private func take(
        _ events: [EventEnvelope],
        _ kinds: [String: Int],
        _ effect: @escaping ServiceDefinition.Consumer.Effect
    ) async throws {
        let wanted = events.filter { kinds[$0.name] != nil }
        // A version above ours says something that only a newer replica understands.
        if wanted.contains(where: { $0.version > kinds[$0.name, default: 0] }) { throw EventConsumer.NotUnderstood() }
        for (clinic, events) in Dictionary(grouping: wanted, by: \.clinicId) {
            let tenant = Tenant(clinic, actor: "system:\(service.rawValue)")
            try await database.transaction(for: tenant, lane: .background, operation: "events") { tx in
                for event in try Inbox.once(events, handler: service.rawValue, in: tx) { try effect(event, tx) }
            }
        }
    }
}

extension ServiceDefinition.Consumer {
    /// Whether an event is of those that it takes in.
    func takes(_ event: EventEnvelope) -> Bool {
        switch work {
        case .effect(let kinds, _): kinds[event.name] != nil
        case .store: Outbox.auditKinds.contains(event.name) == (part == .audit)
        }
    }
}
