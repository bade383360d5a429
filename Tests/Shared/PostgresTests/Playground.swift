import Core
import Postgres
import TestKit

/// The schema these tests play in: one tenant table with every type, one of the installation's, a door.
enum Playground {
    static func open() throws -> TestDatabase { try TestDatabase.open("playground", migrations: [migrations]) }

    static func tenant(_ clinic: ClinicID = ClinicID()) -> Tenant { Tenant(clinic, actor: "tests") }

    static let migrations = MigrationSet(
        schema: "playground",
        files: [
            (
                "0001_create_notes.sql",
                Array(
                    """
                    create type :schema.mood as enum ('calm', 'busy');
                    create table :schema.notes (
                        clinic_id uuid not null, id bigint not null, body text,
                        primary key (clinic_id, id), constraint notes_short check (length(body) < 100));
                    create table :schema.links (
                        clinic_id uuid not null, note_id bigint not null,
                        constraint links_note foreign key (clinic_id, note_id) references :schema.notes (clinic_id, id)
                            deferrable initially deferred);
                    alter table :schema.notes enable row level security;
                    alter table :schema.notes force row level security;
                    create policy tenant on :schema.notes
                        using (clinic_id = nullif(current_setting('app.clinic_id', true), '')::uuid)
                        with check (clinic_id = nullif(current_setting('app.clinic_id', true), '')::uuid);
                    create policy relay on :schema.notes to polyclinic_:schema_relay using (true);
                    grant select, insert, update, delete on :schema.notes, :schema.links to polyclinic_:schema;
                    grant select on :schema.notes to polyclinic_:schema_relay;
                    """.utf8
                )
            )
        ]
    )
}
