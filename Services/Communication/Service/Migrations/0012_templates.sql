-- What clinics say in place of the built-in texts, and in messages of their own.

create table :schema.templates (
    clinic_id uuid not null,
    -- A built-in template's is the same in every clinic.
    id uuid not null,
    version bigint not null default 0,
    name text not null check (name ~ '^[a-z][a-z0-9_]{1,99}$'),
    category text not null check (category in ('care', 'billing', 'marketing', 'security')),
    -- What is being written; published, it becomes a version.
    draft jsonb,
    -- The version in force; without one it is the built-in text, if there is any.
    published integer,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (clinic_id, id)
);
create unique index templates_name on :schema.templates (clinic_id, name) where deleted_at is null;
alter table :schema.templates enable row level security, force row level security;
create policy tenant on :schema.templates to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.templates to polyclinic_:schema;

-- Texts that are or were in force: written once, never changed.
create table :schema.template_versions (
    clinic_id uuid not null,
    template_id uuid not null,
    number integer not null check (number > 0),
    body jsonb not null,
    published_at timestamptz not null,
    published_by text not null,
    primary key (clinic_id, template_id, number),
    foreign key (clinic_id, template_id) references :schema.templates
);
alter table :schema.template_versions enable row level security, force row level security;
create policy tenant on :schema.template_versions to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.template_versions to polyclinic_:schema;
alter table :schema.templates add foreign key (clinic_id, id, published)
    references :schema.template_versions (clinic_id, template_id, number);

-- Which version of the clinic's own template a message was made of.
alter table :schema.messages add column template_version integer check (template_version > 0);
