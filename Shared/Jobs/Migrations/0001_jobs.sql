-- Work that can fail later. A job under a lease is simply due again when the lease ends; finishing deletes it. Slots in a
-- ring of four (three minutes each) keep the short-lived rows, so that they can be truncated once empty; what is due
-- much later lies in `jobs_later` and is left to vacuum.

create function :schema.job_slot(due timestamptz) returns smallint language sql stable parallel safe
    as $$ select case when due > now() + interval '3 minutes' then 4
                      else extract(epoch from now())::bigint / 180 % 4 end::smallint $$;

create table :schema.jobs (
    clinic_id uuid not null,
    id uuid not null,
    slot smallint not null,
    lane smallint not null check (lane between 0 and 2),
    due_at timestamptz not null,
    attempt integer not null default 0,
    lease uuid,
    handler text not null,
    unique_key text,
    created_at timestamptz not null default now(),
    payload bytea not null,
    primary key (clinic_id, id, slot)
) partition by list (slot);

create index jobs_due on :schema.jobs (clinic_id, lane, due_at);

do $$
begin
    for slot in 0..4 loop
        execute format('create table :schema.jobs_%s partition of :schema.jobs for values in (%s)', slot, slot);
        execute format('alter table :schema.jobs_%s enable row level security, force row level security', slot);
        -- A slot is emptied by truncation; only what stays long must be vacuumed eagerly.
        execute format('alter table :schema.jobs_%s set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0)', slot);
    end loop;
end $$;

-- One job at a time per (handler, key); the row goes with the job.
create table :schema.job_keys (
    clinic_id uuid not null,
    handler text not null,
    unique_key text not null,
    job_id uuid not null,
    primary key (clinic_id, handler, unique_key)
);

-- One row per lane and clinic with work. Workers take the lowest pass and give it a new one, so clinics take turns; a
-- row without a pass sleeps until `next_due`.
create sequence :schema.job_pass;
create table :schema.job_lanes (
    clinic_id uuid not null,
    lane smallint not null check (lane between 0 and 2),
    next_due timestamptz not null,
    pass bigint,
    primary key (clinic_id, lane)
) with (fillfactor = 50);
create index job_lanes_awake on :schema.job_lanes (lane, pass) where pass is not null;
create index job_lanes_asleep on :schema.job_lanes (next_due) where pass is null;

-- Notes that a clinic has work; workers fold them into `job_lanes`. Enqueuing only ever inserts here, so that two
-- transactions that give a clinic work never wait for one another.
create table :schema.job_wakes (
    clinic_id uuid not null,
    id bigint not null generated always as identity,
    lane smallint not null check (lane between 0 and 2),
    due_at timestamptz not null,
    primary key (clinic_id, id)
);

create table :schema.schedules (
    clinic_id uuid not null,
    name text not null,
    handler text not null,
    lane smallint not null check (lane between 0 and 2),
    cron text not null,
    time_zone text not null,
    catch_up boolean not null,
    payload bytea not null,
    next_due timestamptz not null,
    last_job uuid,
    primary key (clinic_id, name)
);
create index schedules_due on :schema.schedules (next_due);

create table :schema.schedule_runs (
    clinic_id uuid not null,
    schedule text not null,
    due_at timestamptz not null,
    job_id uuid not null,
    handed_out_at timestamptz not null default now(),
    primary key (clinic_id, schedule, due_at)
);

-- Truncates a slot of the ring that is over and holds no job.
create function :schema.jobs_truncate(which smallint) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
    found boolean;
begin
    if which not between 0 and 3 or which = extract(epoch from now())::bigint / 180 % 4
        or which = (extract(epoch from now())::bigint / 180 + 3) % 4
        or pg_relation_size(format(':schema.jobs_%s', which)::regclass) = 0 then
        return false;
    end if;
    execute format('lock table :schema.jobs_%s in access exclusive mode', which);
    select exists (select from :schema.jobs where slot = which) into found;
    if found then
        return false;
    end if;
    execute format('truncate :schema.jobs_%s', which);
    return true;
end $$;
revoke execute on function :schema.jobs_truncate(smallint) from public;
grant execute on function :schema.jobs_truncate(smallint) to polyclinic_:schema_relay;

do $$
declare
    name text;
begin
    foreach name in array array['jobs', 'job_keys', 'job_lanes', 'job_wakes', 'schedules', 'schedule_runs'] loop
        execute format('alter table :schema.%I enable row level security, force row level security', name);
        execute format('create policy tenant on :schema.%I to polyclinic_:schema '
            || 'using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id())', name);
        execute format('create policy relay on :schema.%I to polyclinic_:schema_relay using (true) with check (true)', name);
        execute format('grant select, insert, update, delete on :schema.%I to polyclinic_:schema_relay', name);
    end loop;
end $$;
create policy upkeep on :schema.jobs for select to current_user using (true);

grant usage, select on sequence :schema.job_pass to polyclinic_:schema, polyclinic_:schema_relay;
grant select, insert, update, delete on :schema.jobs, :schema.job_keys to polyclinic_:schema;
grant select on :schema.job_lanes to polyclinic_:schema;
grant insert on :schema.job_wakes to polyclinic_:schema;
grant select on :schema.schedules, :schema.schedule_runs to polyclinic_:schema;
