-- Entries about what was read come from many requests in one statement, whatever their clinics: through the relay's door.

create policy audit_writer on :schema.outbox for insert to polyclinic_:schema_relay with check (part = 'audit');
grant insert on :schema.outbox to polyclinic_:schema_relay;
grant usage on sequence :schema.outbox_position to polyclinic_:schema_relay;
