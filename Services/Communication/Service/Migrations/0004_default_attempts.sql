-- Whether an attempt went through the installation's default provider instead of one of the clinic's own.

alter table :schema.message_attempts add column is_default boolean not null default false;
