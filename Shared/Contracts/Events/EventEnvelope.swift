package import Core

/// An event on its way: who, when and which version of what, around the payload.
package struct EventEnvelope: Hashable, Sendable, Codable {
    package var id: EventID
    /// The payload's kind: `appointment.booked`.
    package var name: String
    package var version: Int
    package var category: EventCategory
    package var priority: EventPriority
    package var clinicId: ClinicID
    /// The principal that caused it, as `kind:id`; ids only.
    package var actor: String
    package var at: Instant
    package var aggregateId: String
    /// Counts the aggregate's changes; a consumer applies only a greater one.
    package var aggregateVersion: Int64
    /// `false` when a present version is sent again to rebuild projections: no notices follow from it.
    package var notify: Bool
    private var content: RawJSON

    package init(
        id: EventID,
        name: String,
        version: Int,
        category: EventCategory,
        priority: EventPriority,
        clinicId: ClinicID,
        actor: String,
        at: Instant,
        aggregateId: String,
        aggregateVersion: Int64,
        notify: Bool,
        payload: [UInt8]
    ) {
        self.id = id
        self.name = name
        self.version = version
        self.category = category
        self.priority = priority
        self.clinicId = clinicId
        self.actor = actor
        self.at = at
        self.aggregateId = aggregateId
        self.aggregateVersion = aggregateVersion
        self.notify = notify
        content = RawJSON(payload)
    }

    /// Wraps a payload.
    package init<P: EventPayload>(
        _ payload: P,
        id: EventID = EventID(),
        clinicId: ClinicID,
        actor: String,
        at: Instant,
        aggregateId: String,
        aggregateVersion: Int64,
        notify: Bool = true
    ) throws {
        self.init(
            id: id,
            name: P.kind,
            version: P.version,
            category: P.category,
            priority: P.priority,
            clinicId: clinicId,
            actor: actor,
            at: at,
            aggregateId: aggregateId,
            aggregateVersion: aggregateVersion,
            notify: notify,
            payload: try JSONWriter.encode(payload)
        )
    }

    /// The payload's JSON object.
    package var payload: [UInt8] {
        get { content.bytes }
        set { content = RawJSON(newValue) }
    }

    /// The payload as its type; members the type does not know are ignored.
    package func decode<P: EventPayload>(_: P.Type) throws -> P { try JSONTape(content.bytes).decode(P.self) }

    private enum CodingKeys: String, CodingKey {
        case id, name, version, category, priority, clinicId, actor, at, aggregateId, aggregateVersion, notify
        case content = "payload"
    }
}
