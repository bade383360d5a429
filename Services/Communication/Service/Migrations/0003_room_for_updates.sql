-- A message is updated twice soon after it is stored. With room left on its page the update touches no index.

alter table :schema.messages set (fillfactor = 70);
alter table :schema.message_attempts set (fillfactor = 80);
