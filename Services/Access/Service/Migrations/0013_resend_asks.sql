-- Which services have asked for everything they keep of others, and when: each question is seen to once, and none asks
-- without end.
create table :schema.resend_asks (
    id uuid primary key,
    service text not null,
    asked_at timestamptz not null
);
create index resend_asks_service on :schema.resend_asks (service, asked_at);
comment on table :schema.resend_asks is 'installation: which services have asked for everything to be told again';
grant select, insert, delete on :schema.resend_asks to polyclinic_:schema;
