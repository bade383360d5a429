import Authorization
import Core
import Outbox
import Postgres

/// The tables `database_life` and `followed_kinds`; through the relay's door.
enum DatabaseLifeStore {
    /// What came of a beat.
    struct Beat: Sendable {
        var copy: DatabaseLife.Copy
        /// Why the owners are to be asked from now on; `nil` when nothing is new.
        var reason: String?
        /// What they have still to be asked for.
        var ask: ResendAsk?
    }

    /// Notes that the service lives and, where its database is new, was restored or takes in more kinds than it did, that
    /// the owners are to be asked.
    ///
    /// Replicas take turns: the row is locked until the end of the transaction.
    /// - Parameters:
    ///   - kinds: what is taken in, by topic.
    ///   - areFollowed: whether every replica takes them in; until then new ones are not noted.
    static func beat(
        _ service: ServiceName,
        kinds: [ServiceName: Set<String>],
        areFollowed: Bool,
        copy: DatabaseLife.Copy?,
        in tx: borrowing Transaction
    ) throws -> Beat {
        let (life, server, waiting) = try read(in: tx)
        let new = areFollowed ? try follow(kinds, in: tx) : []
        let verdict = life.verdict(on: server, copy: copy)
        if life.server != server { Outbox.restart(in: tx) }
        var topics = verdict == .goesOn ? new : Set(kinds.keys)
        let isAsked = !topics.isEmpty
        topics.formUnion(waiting?.topics ?? [])
        // What is asked for anew is another question: the one that waits may have been answered already.
        let id = isAsked ? EventID() : waiting?.id
        let ask = id.map { ResendAsk(id: $0, service: service, topics: topics.sorted { $0.rawValue < $1.rawValue }) }
        let beat = try write(ask, on: server, in: tx)
        return Beat(
            copy: DatabaseLife.Copy(server: server, beat: beat),
            reason: isAsked ? (verdict == .goesOn ? "kinds" : verdict.rawValue) : nil,
            ask: ask
        )
    }

    /// Notes that the owners have heard.
    static func asked(_ ask: ResendAsk, in tx: borrowing Transaction) {
        tx.execute(
            """
            update database_life set ask = null, ask_topics = null, written_by = pg_current_xact_id()
            where ask = \(ask.id)
            """
        )
    }

    private static func read(
        in tx: borrowing Transaction
    ) throws -> (life: DatabaseLife, server: String, waiting: (id: EventID, topics: Set<ServiceName>)?) {
        let server: Query = """
            (select format('%s/%s', system_identifier, timeline_id) from pg_control_system(), pg_control_checkpoint())
            """
        let made = try tx.rows("insert into database_life (server) values (\(server)) on conflict do nothing")
        let rows = try tx.rows(
            """
            select beat, written_by::xid = xmin, server, \(server), ask, ask_topics from database_life for update
            """
        )
        guard let row = rows.first else { throw DatabaseError(.decoding, operation: "database life") }
        let life = DatabaseLife(
            isNew: made.affected == 1,
            beat: try row[0],
            isWrittenHere: try row[1],
            server: try row[2]
        )
        let ask: EventID? = try row[4]
        let topics: [String]? = try row[5]
        return (
            life, try row[3], ask.map { ($0, Set((topics ?? []).compactMap { ServiceName(rawValue: $0) })) }
        )
    }

    /// Notes the kinds; gives the topics of those that were not taken in before.
    private static func follow(
        _ kinds: [ServiceName: Set<String>],
        in tx: borrowing Transaction
    ) throws -> Set<ServiceName> {
        let pairs = kinds.flatMap { topic, kinds in kinds.map { (topic: topic.rawValue, kind: $0) } }
        if pairs.isEmpty { return [] }
        let rows = try tx.rows(
            """
            insert into followed_kinds (topic, kind)
            select topic, kind from unnest(\(pairs.map(\.topic)), \(pairs.map(\.kind))) as k (topic, kind)
            order by topic, kind on conflict do nothing returning topic
            """
        )
        return Set(try rows.compactMap { ServiceName(rawValue: try $0[0]) })
    }

    private static func write(
        _ ask: ResendAsk?,
        on server: String,
        in tx: borrowing Transaction
    ) throws -> Int64 {
        let rows = try tx.rows(
            """
            update database_life set beat = beat + 1, written_by = pg_current_xact_id(), server = \(server),
                ask = \(ask?.id), ask_topics = \(ask?.topics.map(\.rawValue))
            returning beat
            """
        )
        guard let row = rows.first else { throw DatabaseError(.decoding, operation: "database life") }
        return try row[0]
    }
}
