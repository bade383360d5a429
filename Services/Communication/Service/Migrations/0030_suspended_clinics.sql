-- While a clinic is suspended nothing of it is sent.
alter table :schema.known_clinics add column suspended boolean not null default false;
-- Access tells of its clinics again, those that are suspended already among them.
do $$
begin
    if to_regclass(':schema.followed_kinds') is not null then
        alter table :schema.followed_kinds no force row level security;
        delete from :schema.followed_kinds where topic = 'access' and kind = 'clinic.changed';
        alter table :schema.followed_kinds force row level security;
    end if;
end $$;
