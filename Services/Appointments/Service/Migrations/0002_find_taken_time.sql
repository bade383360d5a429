-- Row-level security lets only leakproof operators into an index, and `&&` on ranges is none: looking for taken time would
-- read all of a doctor's. Bounds of their own can be looked up; nothing is reserved for longer than a day, so whatever
-- touches a time began at most a day before it. Asked for with the very words of the index (`released is false`), since
-- the constraint's index looks as good to the planner while the table is young.

alter table :schema.reservations
    add column starts_at timestamptz not null generated always as (lower(during)) stored,
    add column ends_at timestamptz not null generated always as (upper(during)) stored,
    add constraint reservations_within_a_day check (upper(during) - lower(during) <= interval '24 hours');

create index reservations_taken on :schema.reservations (clinic_id, resource_id, starts_at) include (ends_at)
    where released is false;
