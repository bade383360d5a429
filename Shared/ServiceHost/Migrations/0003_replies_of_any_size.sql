-- What an operation answers bounds itself; a reply that is not kept is an effect that a repeated request has again.
alter table :schema.replies drop constraint replies_sealed_check;
