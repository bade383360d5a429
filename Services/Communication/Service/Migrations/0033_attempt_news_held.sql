-- Looks through what was there before 0031, while others read and write.

alter table :schema.message_attempts validate constraint message_attempts_event;
alter table :schema.message_attempts validate constraint message_attempts_event_code;
alter table :schema.delivery_events validate constraint delivery_events_code;
