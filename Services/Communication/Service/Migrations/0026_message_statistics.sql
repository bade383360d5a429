-- As with jobs: a clinic may have half of the messages, and the planner is shown a full table before the first one comes, so
-- that a few messages are looked up by their keys however new the installation is.
alter table :schema.messages alter column clinic_id set (n_distinct = 2), no force row level security;
alter table :schema.message_attempts alter column clinic_id set (n_distinct = 2), no force row level security;
insert into :schema.messages (clinic_id, id, status, channels, category, priority, sealed, created_by, created_at, updated_at, reference)
select gen_random_uuid(), gen_random_uuid(), 'sent', '{email}', 'care', 'normal', decode(repeat('00', 300), 'hex'), 'statistics',
    now() + n * interval '1 second', now(), n::text
from generate_series(1, 1000) as n where not exists (select from :schema.messages);
insert into :schema.message_attempts (clinic_id, message_id, number, channel, provider, entry_id, fingerprint, started_at, outcome)
select clinic_id, id, 1, 'email', 'none', gen_random_uuid(), '', created_at, 'accepted'
from :schema.messages where created_by = 'statistics';
analyze :schema.messages;
analyze :schema.message_attempts;
delete from :schema.message_attempts as a using :schema.messages as m
where m.created_by = 'statistics' and a.clinic_id = m.clinic_id and a.message_id = m.id;
delete from :schema.messages where created_by = 'statistics';
alter table :schema.messages force row level security;
alter table :schema.message_attempts force row level security;

-- A page of a campaign's messages comes from the index in its order, and is not sorted out of all of them.
drop index :schema.messages_reference;
create index messages_reference on :schema.messages (clinic_id, reference, created_at desc, id desc) where reference is not null;
