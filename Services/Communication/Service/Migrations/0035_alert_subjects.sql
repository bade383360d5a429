-- An alert is told once an hour for each thing that it is about: another provider that fails is other news.

alter table :schema.alerts_told
    -- Without names or addresses. Empty for what was told before there was one, and by a process of before.
    add column subject text not null default '' check (length(subject) <= 300);
alter table :schema.alerts_told drop constraint alerts_told_pkey;
alter table :schema.alerts_told add primary key (clinic_id, alert, hour, subject);
