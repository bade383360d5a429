-- The roles of Polyclinic. Run it as a superuser in Polyclinic's database, before the first migration; running it again
-- changes nothing. It sets no passwords: see deploy/README.md, or `polyclinic dev`, which sets random ones.
--
-- polyclinic_owner          owns the schemas and migrates them; no service knows its password
-- polyclinic_<service>      what a service logs in as: owns nothing, bypasses nothing, inherits nothing
-- polyclinic_<service>_…    doors that cross clinics; a service takes one by `set role`, each has policies of its own
-- polyclinic_inspector      reads every row in spite of row-level security: for support, and for tests
--
-- Another list of services may be set as polyclinic.services, separated by commas.
do $roles$
declare
    service text;
    door text;
    services text[] := string_to_array(
        coalesce(nullif(current_setting('polyclinic.services', true), ''), 'access,communication,appointments,billing'), ',');
begin
    perform pg_advisory_xact_lock(7305804401912351);
    execute format('revoke all on database %I from public', current_database());

    if not exists (select from pg_roles where rolname = 'polyclinic_owner') then
        create role polyclinic_owner login;
    end if;
    execute format('grant connect, create, temporary on database %I to polyclinic_owner', current_database());

    if not exists (select from pg_roles where rolname = 'polyclinic_inspector') then
        create role polyclinic_inspector login bypassrls;
        grant pg_read_all_data, pg_monitor to polyclinic_inspector;
    end if;
    execute format('grant connect on database %I to polyclinic_inspector', current_database());

    foreach service in array services loop
        if not exists (select from pg_roles where rolname = 'polyclinic_' || service) then
            execute format('create role %I login noinherit', 'polyclinic_' || service);
        end if;
        execute format('grant connect on database %I to %I', current_database(), 'polyclinic_' || service);
        foreach door in array array['relay', 'sequencer', 'lookup', 'installation'] loop
            if not exists (select from pg_roles where rolname = 'polyclinic_' || service || '_' || door) then
                execute format('create role %I nologin', 'polyclinic_' || service || '_' || door);
                execute format('grant %I to %I', 'polyclinic_' || service || '_' || door, 'polyclinic_' || service);
            end if;
        end loop;
    end loop;
end
$roles$;

revoke all on schema public from public;
grant usage on schema public to public;
-- Exclusion constraints over an id and a range need it; only a superuser puts it where every schema finds it.
create extension if not exists btree_gist with schema public;
