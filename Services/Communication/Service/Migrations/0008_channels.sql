-- Messages go through several channels, one after another.

alter table :schema.messages add column phone_index bytea check (octet_length(phone_index) = 32);
-- The place in `channels` of the first channel that has not had its turn.
alter table :schema.messages add column stage smallint not null default 0 check (stage between 0 and 4);
create index messages_phone on :schema.messages (clinic_id, phone_index, created_at desc) where phone_index is not null;
alter table :schema.messages drop constraint messages_waiting_for_check;
alter table :schema.messages add constraint messages_waiting_for_check
    check (waiting_for in ('schedule', 'quiet_hours', 'circuit', 'retry', 'rate_limit', 'receipt'));
