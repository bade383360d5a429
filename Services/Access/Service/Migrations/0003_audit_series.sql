-- Which numbered entries have arrived: one row for every connection of a process that writes entries. Numbers are given
-- without gaps, so what is missing between 1 and the highest number heard of is an entry that was lost.
create table :schema.audit_series (
    service text not null,
    series uuid not null,
    received int8multirange not null,
    -- The last number that the process itself has told of.
    told bigint not null default 0,
    heard_at timestamptz not null,
    missing_since timestamptz,
    alarmed_at timestamptz,
    primary key (service, series),
    check (alarmed_at is null or missing_since is not null)
) with (fillfactor = 50);
comment on table :schema.audit_series is 'installation: which numbers of audit entries have arrived';
grant select, insert, update, delete on :schema.audit_series to polyclinic_:schema_sequencer;

-- What lies between 1 and the highest number heard of and is not there.
create function :schema.audit_missing(received int8multirange, told bigint) returns int8multirange
    language sql immutable parallel safe
    as $$ select int8multirange(int8range(1, greatest(coalesce(upper(received), 1), told + 1))) - received $$;
grant execute on function :schema.audit_missing(int8multirange, bigint) to polyclinic_:schema_sequencer;
