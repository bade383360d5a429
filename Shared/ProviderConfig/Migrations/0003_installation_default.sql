-- The installation's own configuration stands under the nil id. A clinic without providers of its own may know of it the
-- version and the names of its providers; contents and key stay with the installation's own transactions.
alter table :schema.provider_configs
    -- Names of the providers in force, by channel and in order. Rows from before this column have none until their next version.
    add column providers jsonb not null default '{}' check (jsonb_typeof(providers) = 'object');
create policy installation on :schema.provider_configs for select to polyclinic_:schema
    using (clinic_id = '00000000-0000-0000-0000-000000000000');
