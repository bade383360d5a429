-- What every tenant table's policies rest on. Nothing passes because a setting is empty: an unset or empty setting is
-- null, and a null policy shows nothing. `nullif` because a setting that was once local is '' afterwards, not unset.

create function :schema.clinic_id() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('app.clinic_id', true), '')::uuid $$;

create function :schema.patient_id() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('app.patient_id', true), '')::uuid $$;

create function :schema.doctor_id() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('app.doctor_id', true), '')::uuid $$;

create function :schema.location_ids() returns uuid[] language sql stable parallel safe
    as $$ select nullif(nullif(current_setting('app.location_ids', true), ''), '{}')::uuid[] $$;

-- Whether a row about this patient, location and doctor lies within the caller's scope; for RESTRICTIVE policies.
-- A table that lacks one of the three passes null for it: such a row is outside the scopes that ask for it, except that
-- a row without a location is seen by those who are bound to locations.
create function :schema.in_scope(patient uuid, location uuid, doctor uuid) returns boolean language sql stable parallel safe
    as $$ select case current_setting('app.scope', true)
        when 'clinic' then true
        when 'locations' then case when location is null then :schema.location_ids() is not null
                                   else location = any (:schema.location_ids()) end
        when 'own' then patient = :schema.patient_id()
        when 'treated' then doctor = :schema.doctor_id()
        else false end $$;

grant usage on schema :schema to polyclinic_:schema, polyclinic_:schema_relay;
