-- What tells a database that goes on from one that is new or was restored, and what it takes in of other services: from
-- these a service knows when the owners have to tell everything again.

create table :schema.database_life (
    singleton boolean primary key default true check (singleton),
    -- Rises while the service lives; Redis is told after every commit, so it never knows of a beat that we do not.
    beat bigint not null default 1,
    -- The transaction that wrote the row last. In a row that came out of a dump it is not.
    written_by xid8 not null default pg_current_xact_id(),
    -- The server and its timeline, which changes with recovery from a backup and when a standby is promoted.
    server text not null,
    -- What the owners have still to be asked for.
    ask uuid,
    ask_topics text[] check (cardinality(ask_topics) > 0),
    check ((ask is null) = (ask_topics is null))
);

create table :schema.followed_kinds (
    topic text not null,
    kind text not null,
    since timestamptz not null default now(),
    primary key (topic, kind)
);

alter table :schema.database_life enable row level security, force row level security;
create policy relay on :schema.database_life to polyclinic_:schema_relay using (true) with check (true);
alter table :schema.followed_kinds enable row level security, force row level security;
create policy relay on :schema.followed_kinds to polyclinic_:schema_relay using (true) with check (true);

comment on table :schema.database_life is 'installation: what tells whether the database was restored';
comment on table :schema.followed_kinds is 'installation: the kinds of events that are taken in';

grant select, insert, update on :schema.database_life to polyclinic_:schema_relay;
grant select, insert on :schema.followed_kinds to polyclinic_:schema_relay;
