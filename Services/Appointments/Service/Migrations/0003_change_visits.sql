-- What happens to a visit after it is booked: its whole course, that somebody has said they will come, another time.

alter table :schema.appointments
    drop constraint appointments_status_check,
    add constraint appointments_status_check check (status in ('pending', 'approved', 'confirmed', 'checked_in',
        'in_progress', 'completed', 'cancelled', 'no_show')),
    add column patient_confirmed_at timestamptz;

-- A visit takes its time along when it moves; the constraint keeps it apart from others as before.
grant update (during) on :schema.reservations to polyclinic_:schema;

-- Times that somebody may choose from by their number, in the conversation they were told in; newer ones take their place.
create table :schema.offers (
    clinic_id uuid not null,
    conversation_id uuid not null,
    number integer not null check (number between 1 and 3),
    appointment_id uuid not null,
    starts_at timestamptz not null check (isfinite(starts_at)),
    expires_at timestamptz not null,
    primary key (clinic_id, conversation_id, number),
    foreign key (clinic_id, appointment_id) references :schema.appointments (clinic_id, id)
);
alter table :schema.offers enable row level security, force row level security;
create policy tenant on :schema.offers to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy member on :schema.offers as restrictive to polyclinic_:schema
    using (:schema.is_member()) with check (:schema.is_member());
grant select, insert, delete on :schema.offers to polyclinic_:schema;
