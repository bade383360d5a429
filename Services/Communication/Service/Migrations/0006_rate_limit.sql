-- A message may wait for its provider's rate.

alter table :schema.messages drop constraint messages_waiting_for_check;
alter table :schema.messages add constraint messages_waiting_for_check
    check (waiting_for in ('schedule', 'circuit', 'retry', 'rate_limit'));
