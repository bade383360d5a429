package import Bus
package import Contracts
package import Core
package import Jobs
package import Logging
package import Postgres
package import ProviderConfig
package import Redis
package import ServiceLifecycle
package import Settings
package import Telemetry
package import Vault

/// What one service is made of, beside its process: its operations, consumers, jobs and loops.
package struct ServiceDefinition: Sendable {
    /// A consumer of another service's events.
    package struct Consumer: Sendable {
        package typealias Effect = @Sendable (EventEnvelope, borrowing Transaction) throws -> Void
        package typealias Store = @Sendable ([EventEnvelope]) async throws -> Void

        enum Work: Sendable {
            /// Of the kinds, up to their versions.
            case effect(kinds: [String: Int], Effect)
            case store(Store)
        }

        package let topic: ServiceName
        package let part: TopicPart
        private(set) var work: Work

        /// Takes in the kinds it names and passes over all others.
        ///
        /// `effect` runs once per event, in the transaction of its clinic that notes the event as taken in, which it may
        /// share with others. It has no other way to the database, and throws what undoes it.
        package init(of topic: ServiceName, _ kinds: [any EventPayload.Type], _ effect: @escaping Effect) {
            self.topic = topic
            part = .events
            work = .effect(kinds: Dictionary(kinds.map { ($0.kind, $0.version) }) { max($0, $1) }, effect)
        }

        /// The kinds that it takes in one by one.
        var kinds: Set<String> {
            if case .effect(let kinds, _) = work { Set(kinds.keys) } else { [] }
        }

        /// The same, with one kind more; `nil` where it takes in a part as a whole.
        func taking<P: EventPayload>(_: P.Type, _ effect: @escaping Effect) -> Consumer? {
            guard case .effect(var kinds, let own) = work else { return nil }
            kinds[P.kind] = P.version
            var consumer = self
            consumer.work = .effect(kinds: kinds) { event, tx in
                try event.name == P.kind ? effect(event, tx) : own(event, tx)
            }
            return consumer
        }

        /// Takes in a whole part of a topic, whatever the clinics, and makes sure itself that nothing is stored twice.
        package init(of topic: ServiceName, part: TopicPart, storedBy store: @escaping Store) {
            self.topic = topic
            self.part = part
            work = .store(store)
        }
    }

    package let name: ServiceName
    package let endpoints: [any EndpointDescription]
    package let handlers: HandlerTable
    package var consumers: [Consumer] = []
    package var jobs: [any JobHandler] = []
    /// Jobs that are nothing but statements; those of one clinic are done many in one transaction.
    package var transactionalJobs: [any TransactionalJobHandler] = []
    package var schedules: [Schedule] = []
    /// Loops of the service's own, run and drained with the rest.
    package var services: [any Service] = []
    /// What must hold, beside what the host checks, for this process to be ready.
    package var checks: [HealthCheck] = []
    /// Tell every aggregate's present version again, without notices; those that were removed first.
    package var resends: [ResendList] = []

    package init(_ name: ServiceName, endpoints: [any EndpointDescription], handlers: HandlerTable) {
        self.name = name
        self.endpoints = endpoints
        self.handlers = handlers
    }
}

/// What a service is given to build itself from.
package struct HostResources: Sendable {
    package let settings: Settings
    package let instance: String
    package let database: Database
    package let redis: RedisClient
    package let keyspace: Keyspace
    package let edgeKeys: EdgeKeys
    package let keys: KeyFile
    package let dataKeys: DataKeyStore
    package let blindIndex: BlindIndex
    package let cursors: CursorSeal
    /// Where patients' browsers and providers reach the installation, without a trailing slash.
    package let publicURL: String
    package let log: Logger
}
