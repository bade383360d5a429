-- Events on their way to the bus. Rows are only ever inserted; a slot (a window of three minutes, four in a ring) is
-- truncated once all of it is confirmed, so there are no dead rows to scan or to vacuum.

create sequence :schema.outbox_position;

create function :schema.outbox_slot(moment timestamptz) returns smallint language sql immutable parallel safe
    as $$ select (extract(epoch from moment)::bigint / 180 % 4)::smallint $$;

create table :schema.outbox (
    clinic_id uuid not null,
    -- Before `position`: defaults are evaluated in this order, so whoever holds a position already has this number,
    -- and "all transactions below X have ended" says that no lower position can still appear.
    transaction xid8 not null default pg_current_xact_id(),
    position bigint not null default nextval(':schema.outbox_position'),
    slot smallint not null default :schema.outbox_slot(now()),
    part text not null check (part in ('events', 'audit')),
    priority smallint not null check (priority between 0 and 2),
    id uuid not null,
    name text not null,
    version integer not null check (version > 0),
    category text not null,
    actor text not null,
    at timestamptz not null,
    aggregate_id text not null,
    aggregate_version bigint not null,
    notify boolean not null default true,
    payload bytea not null,
    primary key (clinic_id, position, slot)
) partition by list (slot);

create index outbox_lane on :schema.outbox (part, priority, position);

-- What was published: the entries of one batch, of one lane and one slot, in order of `positions`.
create table :schema.outbox_batches (
    batch bigint not null generated always as identity,
    slot smallint not null,
    part text not null,
    priority smallint not null,
    epoch uuid not null,
    positions bigint[] not null,
    entry_milliseconds bigint[] not null,
    entry_sequences bigint[] not null,
    last_milliseconds bigint not null,
    last_sequence bigint not null,
    -- When its entries were last known to be in the stream.
    seen_at timestamptz not null default now(),
    confirmed boolean not null default false,
    primary key (batch, slot),
    check (cardinality(positions) > 0 and cardinality(positions) = cardinality(entry_milliseconds)
        and cardinality(positions) = cardinality(entry_sequences))
) partition by list (slot);

create index outbox_batches_open on :schema.outbox_batches (part, priority, batch) where not confirmed;

do $$
begin
    for slot in 0..3 loop
        execute format('create table :schema.outbox_%s partition of :schema.outbox for values in (%s)', slot, slot);
        execute format('alter table :schema.outbox_%s enable row level security, force row level security', slot);
        execute format('create table :schema.outbox_batches_%s partition of :schema.outbox_batches for values in (%s)', slot, slot);
        execute format('alter table :schema.outbox_batches_%s enable row level security, force row level security', slot);
    end loop;
end $$;

-- How far each lane has been read: every row up to `read_to` that `snapshot` sees has been published. No transaction
-- that is still running can hold a position up to `floor`. (`mark_position`, `mark_transaction`) becomes the next floor.
create table :schema.outbox_lanes (
    part text not null,
    priority smallint not null,
    floor bigint not null default 0,
    read_to bigint not null default 0,
    snapshot pg_snapshot not null default '1:1:',
    mark_position bigint not null default 0,
    mark_transaction xid8 not null default '1',
    primary key (part, priority)
);

-- The one relay that reads and marks; the others stand by.
create table :schema.outbox_relay (
    singleton boolean primary key default true check (singleton),
    holder uuid not null,
    until timestamptz not null
);

-- The epoch that Redis must show, and the server that showed it last; the next ones while a recovery is under way.
create table :schema.bus_epochs (
    singleton boolean primary key default true check (singleton),
    epoch uuid not null,
    run_id text not null,
    next_epoch uuid,
    next_run_id text,
    completed_at timestamptz not null default now()
);

-- Truncates a slot of which everything is confirmed. A slot still in use is left alone, whoever asks.
create function :schema.outbox_truncate(which smallint) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
    stored bigint;
    accounted bigint;
begin
    if which = :schema.outbox_slot(now()) or which = :schema.outbox_slot(now() - interval '180 seconds')
        or not exists (select from :schema.outbox_batches where slot = which)
        or exists (select from :schema.outbox_batches where slot = which and not confirmed) then
        return false;
    end if;
    execute format('lock table :schema.outbox_%s, :schema.outbox_batches_%s in access exclusive mode', which, which);
    select count(*) into stored from :schema.outbox where slot = which;
    select coalesce(sum(cardinality(positions)) filter (where confirmed), 0) into accounted
        from :schema.outbox_batches where slot = which;
    if stored <> accounted then
        return false;
    end if;
    execute format('truncate :schema.outbox_%s, :schema.outbox_batches_%s', which, which);
    return true;
end $$;
revoke execute on function :schema.outbox_truncate(smallint) from public;
grant execute on function :schema.outbox_truncate(smallint) to polyclinic_:schema_relay;

alter table :schema.outbox enable row level security, force row level security;
create policy tenant on :schema.outbox for insert to polyclinic_:schema with check (clinic_id = :schema.clinic_id());
create policy relay on :schema.outbox for select to polyclinic_:schema_relay using (true);
create policy upkeep on :schema.outbox for select to current_user using (true);
alter table :schema.outbox_batches enable row level security, force row level security;
create policy relay on :schema.outbox_batches to polyclinic_:schema_relay using (true) with check (true);
create policy upkeep on :schema.outbox_batches for select to current_user using (true);
alter table :schema.outbox_lanes enable row level security, force row level security;
create policy relay on :schema.outbox_lanes to polyclinic_:schema_relay using (true) with check (true);
alter table :schema.outbox_relay enable row level security, force row level security;
create policy relay on :schema.outbox_relay to polyclinic_:schema_relay using (true) with check (true);
alter table :schema.bus_epochs enable row level security, force row level security;
create policy relay on :schema.bus_epochs to polyclinic_:schema_relay using (true) with check (true);

comment on table :schema.outbox_batches is 'installation: which entries of the bus hold which rows of the outbox';
comment on table :schema.outbox_lanes is 'installation: how far the relay has read';
comment on table :schema.outbox_relay is 'installation: which relay is at work';
comment on table :schema.bus_epochs is 'installation: the epoch of the bus';

grant usage on sequence :schema.outbox_position to polyclinic_:schema;
grant insert on :schema.outbox to polyclinic_:schema;
grant select on :schema.outbox to polyclinic_:schema_relay;
grant select, insert, update on :schema.outbox_batches, :schema.outbox_lanes, :schema.outbox_relay, :schema.bus_epochs
    to polyclinic_:schema_relay;
