-- What the planner does not know it guesses: that a clinic has a two-hundredth of a table. Of a slot that was empty when it
-- was planned for, that is little enough to read all of it in place of looking up a dozen jobs by their keys. So it is told
-- that a clinic may have half of a slot, and is shown full ones before the first job comes.
do $$
begin
    for slot in 0..4 loop
        execute format('alter table :schema.jobs_%s alter column clinic_id set (n_distinct = 2), no force row level security', slot);
        execute format('insert into :schema.jobs_%s (clinic_id, id, slot, lane, due_at, handler, payload) '
            || 'select gen_random_uuid(), gen_random_uuid(), %s, n %% 3, now() + n * interval ''1 second'', ''statistics'', '
            || 'decode(repeat(''00'', 150), ''hex'') from generate_series(1, 1000) as n '
            || 'where not exists (select from :schema.jobs_%s)', slot, slot, slot);
        execute format('analyze :schema.jobs_%s', slot);
        execute format('delete from :schema.jobs_%s where handler = ''statistics''', slot);
        execute format('alter table :schema.jobs_%s force row level security', slot);
    end loop;
end $$;
