drop schema if exists monolith cascade;
create schema monolith;
create extension if not exists btree_gist;
create table monolith.appointments (
    id uuid primary key,
    clinic uuid not null,
    patient uuid not null,
    doctor uuid not null,
    during tstzrange not null,
    exclude using gist (doctor with =, during with &&)
);
create table monolith.audit (
    id bigint generated always as identity primary key,
    clinic uuid not null,
    actor text not null,
    action text not null,
    resource text not null,
    at timestamptz not null default now()
);
