import Bus
import Contracts
import Core
import Postgres
import Redis

/// The relay's statements; all run behind the door.
enum OutboxStatements {
    /// Takes or keeps the lead; a row if it is ours.
    static func lead(_ holder: EventID, for time: Duration) -> Query {
        """
        insert into outbox_relay (holder, until) values (\(holder), now() + make_interval(secs => \(time.inSeconds)))
        on conflict (singleton) do update set holder = excluded.holder, until = excluded.until
        where outbox_relay.holder = excluded.holder or outbox_relay.until < now()
        returning holder
        """
    }

    static func resign(_ holder: EventID) -> Query {
        "update outbox_relay set until = now() where holder = \(holder)"
    }

    /// A row while the lead is ours; nobody can take it before the transaction ends.
    static func hold(_ holder: EventID) -> Query {
        "select 1 from outbox_relay where holder = \(holder) and until > now() for update"
    }

    static func prepareLane(_ lane: OutboxLane) -> Query {
        """
        insert into outbox_lanes (part, priority) values (\(lane.part), \(lane.priority.rank)) on conflict do nothing
        """
    }

    /// What of each lane is not published yet: rows that came late (their positions had been passed before they were
    /// committed), and as many new ones as the limit says.
    ///
    /// With each the snapshot that saw them.
    static func unpublished(_ lanes: [OutboxLane], limit: Int) -> Query {
        """
        select \(OutboxRow.columns), pg_current_snapshot()::text
        from unnest(\(lanes.map(\.part.rawValue)), \(lanes.map(\.priority.rank))) as wanted (part, priority)
        join outbox_lanes as l on l.part = wanted.part and l.priority = wanted.priority
        cross join lateral (
            (select * from outbox
            where part = l.part and priority = l.priority and position > l.floor and position <= l.read_to
                and not pg_visible_in_snapshot(transaction, l.snapshot))
            union all
            (select * from outbox where part = l.part and priority = l.priority and position > l.read_to
            order by position limit \(limit))
        ) as o
        order by l.priority, l.part, o.position
        """
    }

    static func insertBatch(_ rows: ArraySlice<OutboxRow>, _ lane: OutboxLane, entries: [EntryID], epoch: EventID)
        -> Query
    {
        let last = entries.max() ?? .zero
        return """
            insert into outbox_batches (slot, part, priority, epoch, positions, entry_milliseconds, entry_sequences,
                last_milliseconds, last_sequence)
            values (\(rows.first?.slot ?? 0), \(lane.part), \(lane.priority.rank), \(epoch), \(rows.map(\.position)),
                \(entries.milliseconds), \(entries.sequences), \(Int64(clamping: last.milliseconds)),
                \(Int64(clamping: last.sequence)))
            """
    }

    /// Notes how far a lane was read.
    ///
    /// The floor rises to the last mark once everybody who could hold a lower position has ended: whoever took a
    /// position had his transaction's number before, hence a lower one than the mark's.
    static func advance(_ lane: OutboxLane, to position: Int64, snapshot: String) -> Query {
        """
        update outbox_lanes set
            floor = case when mark_transaction < pg_snapshot_xmin(seen.snapshot) then mark_position else floor end,
            mark_position = case when mark_transaction < pg_snapshot_xmin(seen.snapshot)
                then greatest(read_to, \(position)) else mark_position end,
            mark_transaction = case when mark_transaction < pg_snapshot_xmin(seen.snapshot)
                then pg_current_xact_id() else mark_transaction end,
            read_to = greatest(read_to, \(position)), snapshot = seen.snapshot
        from (select \(snapshot)::pg_snapshot as snapshot) as seen
        where part = \(lane.part) and priority = \(lane.priority.rank)
        """
    }

    static func confirm(_ part: TopicPart, below floor: EntryID, epoch: EventID) -> Query {
        """
        update outbox_batches set confirmed = true
        where not confirmed and part = \(part) and epoch = \(epoch) and
            (last_milliseconds, last_sequence) < (\(Int64(clamping: floor.milliseconds)), \(Int64(clamping: floor.sequence)))
        """
    }

    /// Batches that a recovery has still to send, critical first.
    static func unrecovered(_ epoch: EventID, limit: Int) -> Query {
        """
        select \(OutboxBatch.columns) from outbox_batches where not confirmed and epoch <> \(epoch)
        order by priority, batch limit \(limit)
        """
    }

    /// Batches nobody has confirmed for long.
    static func unconfirmed(_ epoch: EventID, for time: Duration, limit: Int) -> Query {
        """
        select \(OutboxBatch.columns) from outbox_batches
        where not confirmed and epoch = \(epoch) and seen_at < now() - make_interval(secs => \(time.inSeconds))
        order by priority, batch limit \(limit)
        """
    }

    static func rows(of batch: OutboxBatch) -> Query {
        """
        select \(OutboxRow.columns) from outbox as o
        where o.slot = \(batch.slot) and o.part = \(batch.part) and o.priority = \(batch.priority.rank)
            and o.position = any (\(batch.positions))
        order by o.position
        """
    }

    /// Notes where a batch's rows stand now.
    static func update(_ batch: OutboxBatch, epoch: EventID) -> Query {
        let last = batch.entries.max() ?? .zero
        return """
            update outbox_batches set epoch = \(epoch), entry_milliseconds = \(batch.entries.milliseconds),
                entry_sequences = \(batch.entries.sequences), last_milliseconds = \(Int64(clamping: last.milliseconds)),
                last_sequence = \(Int64(clamping: last.sequence)), seen_at = now()
            where batch = \(batch.batch) and slot = \(batch.slot)
            """
    }
}
