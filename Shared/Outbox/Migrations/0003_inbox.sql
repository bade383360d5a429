-- Events taken in. The slot follows from the event's own id (a UUIDv7, whose first 48 bits are milliseconds), so that
-- the same event always meets its first row; sixteen slots of a day each, in a ring.

create function :schema.inbox_slot(event uuid) returns smallint language sql immutable parallel safe
    as $$ select ((('x' || left(replace(event::text, '-', ''), 12))::bit(48)::bigint / 86400000) % 16)::smallint $$;

create table :schema.inbox (
    clinic_id uuid not null,
    event_id uuid not null,
    handler text not null,
    slot smallint not null,
    taken_at timestamptz not null default now(),
    primary key (clinic_id, event_id, handler, slot)
) partition by list (slot);

do $$
begin
    for slot in 0..15 loop
        execute format('create table :schema.inbox_%s partition of :schema.inbox for values in (%s)', slot, slot);
        execute format('alter table :schema.inbox_%s enable row level security, force row level security', slot);
    end loop;
end $$;

-- The greatest version of another service's aggregate that a handler has applied. Kept for good: it holds where the
-- inbox no longer remembers.
create table :schema.aggregate_versions (
    clinic_id uuid not null,
    handler text not null,
    aggregate_id text not null,
    version bigint not null,
    primary key (clinic_id, handler, aggregate_id)
);

-- What failed for good: jobs after their last attempt, events after their last delivery.
create table :schema.dead_letters (
    clinic_id uuid not null,
    id uuid not null,
    source text not null check (source in ('job', 'event')),
    handler text not null,
    lane smallint not null check (lane between 0 and 2),
    payload bytea not null,
    attempts integer not null,
    reason text not null check (length(reason) between 1 and 200),
    first_at timestamptz not null,
    failed_at timestamptz not null default now(),
    primary key (clinic_id, id)
);

-- Truncates a day of the inbox that is at least eight days old and in which nothing was taken lately.
create function :schema.inbox_truncate(which smallint) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
    today bigint := extract(epoch from now())::bigint / 86400;
    found boolean;
begin
    -- Tomorrow's slot too: the clocks of two machines need not agree at midnight.
    if (today - which + 17) % 16 <= 9 then
        return false;
    end if;
    if not exists (select from :schema.inbox where slot = which)
        or exists (select from :schema.inbox where slot = which and taken_at > now() - interval '2 days') then
        return false;
    end if;
    execute format('lock table :schema.inbox_%s in access exclusive mode', which);
    select exists (select from :schema.inbox where slot = which and taken_at > now() - interval '2 days') into found;
    if found then
        return false;
    end if;
    execute format('truncate :schema.inbox_%s', which);
    return true;
end $$;
revoke execute on function :schema.inbox_truncate(smallint) from public;
grant execute on function :schema.inbox_truncate(smallint) to polyclinic_:schema_relay;

alter table :schema.inbox enable row level security, force row level security;
create policy tenant on :schema.inbox to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy relay on :schema.inbox for select to polyclinic_:schema_relay using (true);
create policy upkeep on :schema.inbox for select to current_user using (true);
alter table :schema.aggregate_versions enable row level security, force row level security;
create policy tenant on :schema.aggregate_versions to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
alter table :schema.dead_letters enable row level security, force row level security;
create policy tenant on :schema.dead_letters to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy relay on :schema.dead_letters to polyclinic_:schema_relay using (true) with check (true);

grant select, insert on :schema.inbox to polyclinic_:schema;
grant select, insert, update on :schema.aggregate_versions to polyclinic_:schema;
grant select, insert, delete on :schema.dead_letters to polyclinic_:schema, polyclinic_:schema_relay;
grant select on :schema.inbox to polyclinic_:schema_relay;
