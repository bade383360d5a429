import Bus
import Contracts
import Core
import Postgres
import Redis

/// A row of the outbox on its way to the bus.
struct OutboxRow: Sendable {
    let position: Int64
    let slot: Int
    let part: TopicPart
    let priority: EventPriority
    let event: EventEnvelope

    static let columns: Query = """
        o.position, o.slot, o.part, o.priority, o.id, o.name, o.version, o.category, o.clinic_id, o.actor, o.at, \
        o.aggregate_id, o.aggregate_version, o.notify, o.payload
        """

    init(_ row: Row) throws {
        position = try row[0]
        slot = try row[1]
        let part: String = try row[2]
        let category: String = try row[7]
        guard let part = TopicPart(rawValue: part), let priority = EventPriority(rank: try row[3]),
            let category = EventCategory(rawValue: category)
        else { throw DatabaseError(.decoding, operation: "outbox row") }
        self.part = part
        self.priority = priority
        event = EventEnvelope(
            id: try row[4],
            name: try row[5],
            version: try row[6],
            category: category,
            priority: priority,
            clinicId: try row[8],
            actor: try row[9],
            at: try row[10],
            aggregateId: try row[11],
            aggregateVersion: try row[12],
            notify: try row[13],
            payload: try row[14]
        )
    }
}

/// One part and priority: what is read, published and marked together.
struct OutboxLane: Hashable, Sendable {
    let part: TopicPart
    let priority: EventPriority

    /// In the order in which they are published.
    static let all = EventPriority.allCases.sorted { $0.rank < $1.rank }.flatMap { priority in
        TopicPart.allCases.map { OutboxLane(part: $0, priority: priority) }
    }
}

/// Published rows of one lane and slot with their entries.
struct OutboxBatch: Sendable {
    let batch: Int64
    let slot: Int
    let part: TopicPart
    let priority: EventPriority
    var positions: [Int64]
    var entries: [EntryID]

    static let columns: Query = "batch, slot, part, priority, positions, entry_milliseconds, entry_sequences"

    init(_ row: Row) throws {
        batch = try row[0]
        slot = try row[1]
        let part: String = try row[2]
        guard let part = TopicPart(rawValue: part), let priority = EventPriority(rank: try row[3]) else {
            throw DatabaseError(.decoding, operation: "outbox batch")
        }
        self.part = part
        self.priority = priority
        positions = try row[4]
        let milliseconds: [Int64] = try row[5]
        let sequences: [Int64] = try row[6]
        entries = zip(milliseconds, sequences).map {
            EntryID(milliseconds: UInt64($0), sequence: UInt64($1))
        }
    }
}

extension Array where Element == EntryID {
    var milliseconds: [Int64] { map { Int64(clamping: $0.milliseconds) } }
    var sequences: [Int64] { map { Int64(clamping: $0.sequence) } }
}
