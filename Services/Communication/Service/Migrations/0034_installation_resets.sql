-- What operators close by hand of the installation's providers is closed for every clinic: its transactions read, beside their
-- own rows, when that was. They write none of it.

alter table :schema.circuits
    -- When it was last closed by hand.
    add column reset_at timestamptz;
create policy installation on :schema.circuits for select to polyclinic_:schema
    using (clinic_id = '00000000-0000-0000-0000-000000000000');
