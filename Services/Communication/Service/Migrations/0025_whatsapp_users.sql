-- WhatsApp's users may hide their number: towards one business they have an id instead, by which their contact is found.

alter table :schema.contact_identities drop constraint contact_identities_kind_check;
alter table :schema.contact_identities add constraint contact_identities_kind_check
    check (kind in ('email', 'phone', 'whatsapp'));
