package import Contracts
package import Core
package import Postgres

extension TimeOrder {
    /// What ends a statement that lists rows by ids, which stand in the order of time.
    ///
    /// - Parameters:
    ///   - column: the id's.
    ///   - last: the last one shown before.
    package func page<Tag>(of column: Query, behind last: TypedID<Tag>?, limit: Int) -> Query {
        var query: Query = ""
        switch self {
        case .oldestFirst:
            if let last { query += " and \(column) > \(last)" }
            query += " order by \(column) limit \(limit)"
        case .newestFirst:
            if let last { query += " and \(column) < \(last)" }
            query += " order by \(column) desc limit \(limit)"
        }
        return query
    }
}

extension DirectoryOrder {
    /// What ends a statement that lists rows of a table with `clinic_id`, `id` and `name`; ids stand in the order of time.
    ///
    /// A cursor holds no name: the one of the last row is looked up, and nothing is behind a row that is out of reach.
    package func page<Tag>(
        of table: Query,
        _ clinic: ClinicID,
        behind last: TypedID<Tag>?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> Query {
        switch self {
        case .oldestFirst: return TimeOrder.oldestFirst.page(of: "id", behind: last, limit: limit)
        case .newestFirst: return TimeOrder.newestFirst.page(of: "id", behind: last, limit: limit)
        case .byName, .byNameDescending: break
        }
        var query: Query = ""
        if let last {
            let row = try tx.rows("select name from \(table) where clinic_id = \(clinic) and id = \(last)").first
            guard let row else { return " and false limit \(limit)" }
            let name: String = try row[0]
            query += self == .byName ? " and (name, id) > (\(name), \(last))" : " and (name, id) < (\(name), \(last))"
        }
        query += self == .byName ? " order by name, id limit \(limit)" : " order by name desc, id desc limit \(limit)"
        return query
    }
}
