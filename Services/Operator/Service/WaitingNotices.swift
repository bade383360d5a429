import AccessAPI
import Bus
import Contracts
import Core
import Jobs
import Outbox
import Postgres

/// Notices that communication has still to open: sealed inside their events, they need the key they were sealed under
/// wherever the events lie, in a stream or not.
enum WaitingNotices {
    /// How many need the key: rows of access' outbox that not every consumer has acknowledged, and events that
    /// communication gave up and that may be, or are being, replayed.
    ///
    /// One that has expired is never opened and needs none.
    static func count(under id: String, _ installation: Installation) async throws -> Int {
        let now = Instant.now()
        let unconfirmed = try await ServiceDatabase.with(.access, installation) { database in
            try await database.through(.relay, operation: "notices") { tx in
                try tx.rows(
                    """
                    select o.payload from outbox as o
                    where o.part = 'events' and o.name = \(NoticeRequested.kind) and not exists (
                        select from outbox_batches as b
                        where b.slot = o.slot and b.confirmed and o.position = any (b.positions))
                    """
                ).map { try JSONTape(try $0[0]).decode(NoticeRequested.self) }
            }
        }
        let givenUp = try await ServiceDatabase.with(.communication, installation) { database in
            try await database.through(.relay, operation: "notices") { tx in
                let name = Array(NoticeRequested.kind.utf8)
                return try tx.rows(
                    """
                    select payload from dead_letters where source = 'event' and position(\(name) in payload) > 0
                    union all
                    select payload from jobs where handler = \(DeadLetters.eventHandler) and position(\(name) in payload) > 0
                    """
                ).compactMap { row -> NoticeRequested? in
                    let event = try JSONTape(try row[0]).decode(EventEnvelope.self)
                    return event.name == NoticeRequested.kind ? try event.decode(NoticeRequested.self) : nil
                }
            }
        }
        return (unconfirmed + givenUp).count {
            $0.expiresAt > now && EdgeSeal.keyID(of: $0.sealed.bytes) == id
        }
    }
}
