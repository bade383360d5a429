-- A message has one course at a time, and whoever opens an attempt knows the one before: so one run alone opens each.

-- Begun anew by hand, after a bounce or without a receipt, it is on its next course; jobs of the former do nothing more.
alter table :schema.messages add column course integer not null default 0;
-- What its last attempt was opened as.
alter table :schema.messages add column opening uuid;
