-- Messages are found by the token of the app that they name, as by other addresses; those of before are not.
--
-- Nothing was there before the column, so that the rule holds without looking for it.

alter table :schema.messages add column push_index bytea;
alter table :schema.messages
    add constraint messages_push_index check (octet_length(push_index) = 32) not valid;
create index messages_push on :schema.messages (clinic_id, push_index, created_at desc, id desc) where push_index is not null;
