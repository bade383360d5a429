import CommunicationAPI
import Contracts
import Core
import Postgres

/// A row of `templates`: one of the clinic's own, or a built-in one that it has touched.
struct StoredTemplate: Sendable, Equatable {
    var id: TemplateID
    /// Counts the row's changes; 0 of a built-in template without a row.
    var version: Int64
    var name: String
    var category: MessageCategory
    var draft: TemplateBody?
    /// The number of the version in force.
    var published: Int?
    var createdAt: Instant?
    var updatedAt: Instant?

    /// The text that came with the product, if any did.
    var builtIn: BuiltInTemplate? { BuiltInTemplates.with(id) }
}

/// What a clinic's messages of one name say now.
struct TemplateInForce: Sendable {
    /// The clinic's language, once it is known.
    var clinicLocale: String?
    /// The version in force of the clinic's own text; `nil` where the built-in one is, or none.
    var version: StoredVersion?
}

/// The tables of templates and their versions, in transactions that are opened for the clinic.
enum TemplateStore {
    private static let columns: Query =
        "id, version, name, category, draft, published, created_at, updated_at"

    static func insert(_ template: StoredTemplate, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            insert into templates (clinic_id, id, version, name, category, draft, created_at, updated_at)
            values (clinic_id(), \(template.id), \(template.version), \(template.name), \(template.category.rawValue),
                \(try encode(template.draft)), \(template.createdAt), \(template.updatedAt))
            """
        )
        try tx.flush()
    }

    /// Makes a row for a built-in template that the clinic touches for the first time; does nothing where there is one.
    static func touch(_ template: BuiltInTemplate, at now: Instant, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            insert into templates (clinic_id, id, name, category, created_at, updated_at)
            values (clinic_id(), \(template.id), \(template.name), \(template.category.rawValue), \(now), \(now))
            on conflict do nothing
            """
        )
        try tx.flush()
    }

    /// A template that is there; `forUpdate` keeps others from changing it until the end of the transaction.
    static func find(_ id: TemplateID, forUpdate: Bool, in tx: borrowing Transaction) throws -> StoredTemplate? {
        let rows = try tx.rows(
            """
            select \(columns) from templates where clinic_id = clinic_id() and id = \(id) and deleted_at is null\
            \(forUpdate ? " for update" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    /// Saves everything but id and creation; gives the row's next version.
    static func update(_ template: StoredTemplate, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            """
            update templates set name = \(template.name), category = \(template.category.rawValue),
                draft = \(try encode(template.draft)), published = \(template.published),
                updated_at = \(template.updatedAt), version = version + 1
            where clinic_id = clinic_id() and id = \(template.id) returning version
            """
        )
        guard let row = rows.first else { throw Problem.notFound }
        return try row[0]
    }

    static func remove(_ id: TemplateID, at now: Instant, in tx: borrowing Transaction) {
        tx.execute(
            """
            update templates set deleted_at = \(now), updated_at = \(now), draft = null, version = version + 1
            where clinic_id = clinic_id() and id = \(id)
            """
        )
    }

    /// All rows without their drafts; `draft` says whether there is one.
    static func all(in tx: borrowing Transaction) throws -> [(template: StoredTemplate, hasDraft: Bool)] {
        let rows = try tx.rows(
            """
            select id, version, name, category, null::jsonb, published, created_at, updated_at, draft is not null
            from templates where clinic_id = clinic_id() and deleted_at is null order by name
            """
        )
        return try rows.map { (try decode($0), try $0[8]) }
    }

    /// Keeps others from adding templates until the end of the transaction; gives the number there are.
    static func lockedCount(of clinic: ClinicID, in tx: borrowing Transaction) throws -> Int {
        tx.execute("select pg_advisory_xact_lock(hashtextextended(\("templates \(clinic)"), 0))")
        let rows = try tx.rows(
            "select count(*)::integer from templates where clinic_id = clinic_id() and deleted_at is null"
        )
        return try rows.first.map { try $0[0] } ?? 0
    }

    /// What messages of a name say now, with the clinic's language, in one round trip.
    static func inForce(_ name: String, in tx: borrowing Transaction) throws -> TemplateInForce {
        let rows = try tx.rows(
            """
            select c.locale, v.template_id, v.number, t.category, v.body
            from (select clinic_id() as id) as here
            left join known_clinics c on c.clinic_id = here.id
            left join templates t on t.clinic_id = here.id and t.name = \(name) and t.deleted_at is null
            left join template_versions v
                on v.clinic_id = t.clinic_id and v.template_id = t.id and v.number = t.published
            """
        )
        guard let row = rows.first else { return TemplateInForce() }
        var found = TemplateInForce(clinicLocale: try row[0])
        if let template: TemplateID = try row[1] {
            found.version = StoredVersion(
                template: template,
                number: try row[2],
                category: try row[3],
                body: try row[4]
            )
        }
        return found
    }

    static func clinicLocale(in tx: borrowing Transaction) throws -> String? {
        try tx.rows("select locale from known_clinics where clinic_id = clinic_id()").first.map { try $0[0] }
    }

    private static func decode(_ row: Row) throws -> StoredTemplate {
        let draft: JSONColumn? = try row[4]
        return StoredTemplate(
            id: try row[0],
            version: try row[1],
            name: try row[2],
            category: try row[3],
            draft: try draft.map(TemplateBody.init),
            published: try row[5],
            createdAt: try row[6],
            updatedAt: try row[7]
        )
    }

    private static func encode(_ body: TemplateBody?) throws -> JSONColumn? {
        try body.map { JSONColumn(try JSONWriter.encode($0)) }
    }
}

extension TemplateBody {
    init(_ column: JSONColumn) throws { self = try JSONTape(column.json).decode(TemplateBody.self) }
}
