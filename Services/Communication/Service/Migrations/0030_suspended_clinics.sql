-- While a clinic is suspended nothing of it is sent.
alter table :schema.known_clinics add column suspended boolean not null default false;
