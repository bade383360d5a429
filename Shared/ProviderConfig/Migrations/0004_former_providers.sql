-- Providers that were removed or replaced, each until when its webhooks are still taken: {"resend": "2026-11-20T09:00:00Z"}.
-- Rows of before have none.
alter table :schema.provider_configs
    add column former_providers jsonb not null default '{}' check (jsonb_typeof(former_providers) = 'object');
