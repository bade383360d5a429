-- What entries are looked for by, each in the order of the log.
create index audit_entries_action on :schema.audit_entries (clinic_id, action, seq);
create index audit_entries_resource on :schema.audit_entries (clinic_id, resource_type, resource_id, seq);
create index audit_entries_api_key on :schema.audit_entries (clinic_id, api_key_id, seq) where api_key_id is not null;
create index audit_entries_outcome on :schema.audit_entries (clinic_id, outcome, seq);
create index audit_entries_request_order on :schema.audit_entries (clinic_id, request_id, seq);
drop index :schema.audit_entries_request;
