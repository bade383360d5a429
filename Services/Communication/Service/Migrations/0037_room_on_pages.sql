-- A campaign's messages lie on the same pages and are updated by the same transactions, which cannot reuse what they have
-- just left. With half of each page free all of them find room beside their former selves, and touch no index.

alter table :schema.messages set (fillfactor = 50);
