-- Retention: entries past their time are blanked and keep their place, their id and their hash, so that every proof of the
-- log stays what it was. Nobody may update or delete entries; one function, run as the owner, may blank what is due.

-- Six years; what tells of security, fraud, disputes and emergency access is kept for ever.
create function :schema.audit_retention_class(
    action text, resource_type text, patient_id uuid, outcome text, leaf bytea) returns text
    language sql immutable parallel safe
    return case
        -- Done under an emergency access: a name with its quotes and colon can stand nowhere else in a line.
        when position('\x22627265616b476c6173734964223a'::bytea in leaf) > 0 then 'kept'
        when outcome = 'denied' then 'kept'
        when resource_type in ('users', 'roles', 'api_keys', 'break_glass', 'audit', 'audit_entries', 'audit_exports',
            'sign_ins', 'disputes', 'fraud') then 'kept'
        when action like 'access.auth.%' or action like 'access.sessions.%'
            or split_part(action, ':', 1) in ('users', 'roles', 'api_keys', 'break_glass', 'audit', 'disputes', 'fraud')
            or split_part(action, ':', 1) like '%\_config' then 'kept'
        when patient_id is not null then 'health'
        else 'other'
    end;

alter table :schema.audit_entries alter column leaf drop not null;
alter table :schema.audit_entries add column retention text not null
    generated always as (:schema.audit_retention_class(action, resource_type, patient_id, outcome, leaf)) stored;
create index audit_entries_retention on :schema.audit_entries (clinic_id, retention, at)
    where leaf is not null and retention <> 'kept';

create table :schema.audit_retention (
    clinic_id uuid primary key,
    -- For entries of no other class.
    days integer not null check (days between 90 and 2192),
    version bigint not null,
    updated_at timestamptz not null
);
alter table :schema.audit_retention enable row level security, force row level security;
create policy tenant on :schema.audit_retention to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy retention on :schema.audit_retention for select to current_user using (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.audit_retention to polyclinic_:schema;

-- The owner is held to the same by force: what is younger than any class allows, not even the function can see.
create policy retention on :schema.audit_entries for select to current_user
    using (clinic_id = :schema.clinic_id() and at < now() - interval '90 days');
create policy blank on :schema.audit_entries for update to current_user
    using (clinic_id = :schema.clinic_id() and at < now() - interval '90 days') with check (leaf is null);

-- Blanks at most so many entries of the transaction's clinic that are past their time; returns how many.
create function :schema.blank_audit_entries(most integer) returns integer
    language plpgsql security definer set search_path = :schema, pg_temp
as $$
declare
    due interval := make_interval(days => coalesce((select r.days from audit_retention as r where r.clinic_id = clinic_id()), 2192));
    blanked integer;
begin
    with past as materialized (
        (select seq from audit_entries where clinic_id = clinic_id() and leaf is not null and retention = 'other'
            and at < now() - due order by at limit most)
        union all
        (select seq from audit_entries where clinic_id = clinic_id() and leaf is not null and retention = 'health'
            and at < now() - make_interval(days => 2192) order by at limit most)
        limit most
    )
    update audit_entries as e
    set leaf = null, actor_id = '', api_key_id = null, action = '', resource_type = '', resource_id = '',
        patient_id = null, outcome = '', request_id = '00000000-0000-0000-0000-000000000000'
    from past where e.clinic_id = clinic_id() and e.seq = past.seq;
    get diagnostics blanked = row_count;
    return blanked;
end
$$;
revoke all on function :schema.blank_audit_entries(integer) from public;
grant execute on function :schema.blank_audit_entries(integer) to polyclinic_:schema;
