import CommunicationAPI
import Contracts
import Core
import Postgres

/// A published text, its body not read yet.
struct StoredVersion: Sendable {
    var template: TemplateID
    var number: Int
    var category: MessageCategory
    var body: JSONColumn
}

/// The table of published texts, whose rows are never changed.
enum TemplateVersionStore {
    /// Stores what is published now; gives its number, the next one of the template.
    static func append(
        _ body: TemplateBody,
        of id: TemplateID,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int {
        let rows = try tx.rows(
            """
            insert into template_versions (clinic_id, template_id, number, body, published_at, published_by)
            select clinic_id(), \(id), coalesce(max(number), 0) + 1, \(JSONColumn(try JSONWriter.encode(body))), \(now), \(actor)
            from template_versions where clinic_id = clinic_id() and template_id = \(id)
            returning number
            """
        )
        guard let row = rows.first else { throw Problem.notFound }
        return try row[0]
    }

    static func body(of id: TemplateID, number: Int, in tx: borrowing Transaction) throws -> TemplateBody? {
        let rows = try tx.rows(
            """
            select body from template_versions
            where clinic_id = clinic_id() and template_id = \(id) and number = \(number)
            """
        )
        return try rows.first.map { try TemplateBody($0[0]) }
    }

    /// Those behind a number.
    static func list(
        of id: TemplateID,
        inForce: Int?,
        order: TemplateVersionOrder,
        after: Int?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [TemplateVersion] {
        var query: Query = """
            select number, published_at, published_by from template_versions
            where clinic_id = clinic_id() and template_id = \(id)
            """
        switch order {
        case .newestFirst:
            if let after { query += " and number < \(after)" }
            query += " order by number desc limit \(limit)"
        case .oldestFirst:
            if let after { query += " and number > \(after)" }
            query += " order by number limit \(limit)"
        }
        return try tx.rows(query).map { row in
            let number: Int = try row[0]
            return TemplateVersion(
                number: number,
                inForce: number == inForce,
                publishedAt: try row[1],
                publishedBy: try row[2]
            )
        }
    }
}
