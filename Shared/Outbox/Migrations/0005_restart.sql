-- Rows that were restored onto another server bear its transactions' numbers, by which nothing can be told here: what has
-- been read, and what was committed late. So all of them go out again; who took them in before passes over them.
create function :schema.outbox_restart() returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
begin
    -- Whoever relays now has read what no longer holds, and may mark nothing.
    update :schema.outbox_relay set holder = gen_random_uuid(), until = now();
    lock table :schema.outbox, :schema.outbox_batches in access exclusive mode;
    update :schema.outbox set transaction = pg_current_xact_id();
    delete from :schema.outbox_batches;
    update :schema.outbox_lanes set floor = 0, read_to = 0, snapshot = '1:1:', mark_position = 0, mark_transaction = '1';
end $$;
revoke execute on function :schema.outbox_restart() from public;
grant execute on function :schema.outbox_restart() to polyclinic_:schema_relay;

create policy restart on :schema.outbox for update to current_user using (true) with check (true);
create policy restart on :schema.outbox_batches for delete to current_user using (true);
create policy restart on :schema.outbox_lanes for update to current_user using (true) with check (true);
create policy restart on :schema.outbox_relay for update to current_user using (true) with check (true);
