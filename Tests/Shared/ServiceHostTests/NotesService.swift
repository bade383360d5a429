import Authorization
import Bus
import Contracts
import Core
import Logging
import Postgres
import ProviderConfig
import Redis
import TestKit
import Vault

@testable import ServiceHost

/// A service of three operations on a table of notes, to show what the host does around any handler.
struct NotesService {
    struct NewNote: Wire, Hashable {
        var text: String
        var refuse: Bool?
    }

    struct Note: Wire, Hashable {
        var id: String
        var text: String
    }

    struct NotePath: Wire {
        var id: String
    }

    struct NewPart: Wire {
        var id: String
        var text: String
    }

    static let create = Endpoint<NewNote, Note>(
        "notes.create",
        .POST,
        "/notes",
        service: .billing,
        guard: .permission(Permission("notes:create")),
        status: 201,
        audit: .change,
        summary: "Write a note"
    )
    static let read = Endpoint<NotePath, Note>(
        "notes.read",
        .GET,
        "/notes/{id}",
        service: .billing,
        guard: .permission(Permission("notes:read")),
        audit: .read,
        summary: "Read a note"
    )
    static let later = Endpoint<NewNote, Note>(
        "notes.later",
        .POST,
        "/notes/later",
        service: .billing,
        guard: .permission(Permission("notes:create")),
        status: 201,
        audit: .change,
        summary: "Write a note in two steps"
    )

    static let append = Endpoint<NewPart, Note>(
        "notes.append",
        .POST,
        "/notes/{id}/parts",
        service: .billing,
        guard: .permission(Permission("notes:create")),
        status: 201,
        audit: .change,
        summary: "Write a part of a note"
    )

    static let table = """
        create table host_tests.notes (clinic_id uuid not null, id uuid not null, text text not null, primary key (clinic_id, id));
        alter table host_tests.notes enable row level security;
        alter table host_tests.notes force row level security;
        create policy tenant on host_tests.notes using (clinic_id = host_tests.clinic_id()) with check (clinic_id = host_tests.clinic_id());
        grant select, insert on host_tests.notes to polyclinic_host_tests;
        """

    let database: TestDatabase
    let dispatcher: Dispatcher

    init() throws {
        let shared = HostMigrations.all(of: .billing, own: []).flatMap(\.migrations).map { migration in
            (name: migration.name, bytes: Array(migration.sql.replacing("billing", with: "host_tests").utf8))
        }
        let own = (name: "notes.sql", bytes: Array(Self.table.utf8))
        database = try TestDatabase.open(
            "host_tests",
            migrations: [MigrationSet(schema: "host_tests", files: shared + [own])]
        )
        let keys = try DataKeys(KeyFile.generate(), service: .billing)
        let follower = PolicyFollower(
            redis: RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: Logger(label: "test")),
            keyspace: Keyspace(),
            keys: EdgeKeys(edges: [:], currentID: "none"),
            logger: Logger(label: "test")
        ) { _ in throw Problem.unavailable("The policy") }
        dispatcher = Dispatcher(
            service: .billing,
            handlers: Self.handlers().entries,
            database: database.database,
            replies: IdempotencyStore(dataKeys: DataKeyStore(keys, database: database.database)),
            policy: follower,
            log: Logger(label: "test")
        )
    }

    static func handlers() -> HandlerTable {
        var table = HandlerTable()
        table.change(create) { input, context, tx in try write(input, context, tx) }
        table.change(append) { input, context, tx in try write(NewNote(text: input.text), context, tx) }
        table.steps(later) { input, context in try await context.commit { tx in try write(input, context, tx) } }
        table.read(read) { input, _, tx in
            guard let row = try tx.rows("select id::text, text from notes where id = \(input.id)::uuid").first else {
                throw Problem.notFound
            }
            return ServiceHost::Reply(Note(id: try row[0], text: try row[1]))
        }
        return table
    }

    private static func write(_ input: NewNote, _ context: OperationContext, _ tx: borrowing Transaction) throws
        -> ServiceHost::Reply<Note>
    {
        let id = RequestID()
        tx.execute("insert into notes (clinic_id, id, text) values (\(context.clinic), \(id), \(input.text))")
        if input.refuse == true { throw Problem.conflict("refused", "As asked.") }
        return ServiceHost::Reply(
            Note(id: "\(id)", text: input.text),
            version: 1,
            location: "/api/v1/notes/\(id)",
            audit: AuditDetail(resource: "\(id)")
        )
    }

    func request(
        _ operation: String,
        _ input: some Encodable,
        clinic: ClinicID,
        key: String? = nil,
        redelivered: Bool = false
    ) async throws -> BusReply? {
        let json = String(decoding: try JSONWriter.encode(input), as: UTF8.self)
        return try await request(operation, json: json, clinic: clinic, key: key, redelivered: redelivered)
    }

    func request(
        _ operation: String,
        json: String,
        clinic: ClinicID,
        key: String? = nil,
        redelivered: Bool = false
    ) async throws -> BusReply? {
        let request = BusRequest(
            id: RequestID(),
            operation: operation,
            clinic: clinic,
            principal: .system("test"),
            scope: .clinic,
            accessVersion: 0,
            deadline: .after(.seconds(10)),
            trace: TraceContext(),
            idempotencyKey: key ?? "\(RequestID())",
            clientKey: key != nil,
            ifMatch: nil,
            ifNoneMatch: nil,
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            accept: nil,
            page: nil,
            headers: [:],
            input: Array(json.utf8)
        )
        return switch await dispatcher.answer(request, redelivered: redelivered) {
        case .reply(let reply): reply
        case .leavePending: nil
        }
    }

    func notes(of clinic: ClinicID) async throws -> Int {
        try await database.database.one(for: Tenant(clinic, actor: "test"), "select count(*) from notes") {
            try $0[0][0]
        }
    }

    /// Outcomes and reasons of the clinic's audit entries, oldest first.
    func audit(of clinic: ClinicID) async throws -> [AuditRecord] { try await database.audit(of: clinic) }
}
