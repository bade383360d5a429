import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// The table `services`: visit types.
enum VisitServiceStore {
    private static let columns: Query = """
        id, name, minutes, price_amount, price_currency, buffer_before, buffer_after, kinds, active, created_at, updated_at,
        version
        """

    static func insert(_ service: VisitService, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into services (clinic_id, id, name, minutes, price_amount, price_currency, buffer_before, buffer_after,
                kinds, active, created_at, updated_at)
            values (\(clinic), \(service.id), \(service.name), \(service.minutes), \(service.price.amount),
                \(service.price.currency), \(service.bufferBefore), \(service.bufferAfter),
                \(service.kinds.map(\.rawValue)), \(service.active), \(service.createdAt), \(service.updatedAt))
            """
        )
    }

    static func find(
        _ id: VisitTypeID,
        of clinic: ClinicID,
        forUpdate: Bool = false,
        in tx: borrowing Transaction
    ) throws -> Versioned<VisitService>? {
        let rows = try tx.rows(
            """
            select \(columns) from services where clinic_id = \(clinic) and id = \(id) and deleted_at is null\
            \(forUpdate ? " for no key update" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    static func update(_ service: VisitService, of clinic: ClinicID, in tx: borrowing Transaction) throws -> Int64? {
        let rows = try tx.rows(
            """
            update services set name = \(service.name), minutes = \(service.minutes),
                price_amount = \(service.price.amount), price_currency = \(service.price.currency),
                buffer_before = \(service.bufferBefore), buffer_after = \(service.bufferAfter),
                kinds = \(service.kinds.map(\.rawValue)), active = \(service.active),
                updated_at = \(service.updatedAt), version = version + 1
            where clinic_id = \(clinic) and id = \(service.id) and deleted_at is null returning version
            """
        )
        return try rows.first.map { try $0[0] }
    }

    static func delete(
        _ id: VisitTypeID,
        of clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int64? {
        let rows = try tx.rows(
            """
            update services set deleted_at = \(now), updated_at = \(now), version = version + 1
            where clinic_id = \(clinic) and id = \(id) and deleted_at is null returning version
            """
        )
        return try rows.first.map { try $0[0] }
    }

    static func list(
        of clinic: ClinicID,
        word: String?,
        order: DirectoryOrder,
        after: VisitTypeID?,
        count: Int,
        in tx: borrowing Transaction
    ) throws -> [VisitService] {
        var query: Query = "select \(columns) from services where clinic_id = \(clinic) and deleted_at is null"
        if let word { query += " and name ilike \(LikePattern.containing(word))" }
        query += try order.page(of: "services", clinic, behind: after, limit: count, in: tx)
        return try tx.rows(query).map { try decode($0).value }
    }

    /// Those of the transaction's clinic that are there, or those that have been removed, in the order of their ids.
    static func all(
        removed: Bool,
        after: VisitTypeID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [Versioned<VisitService>] {
        var query: Query =
            "select \(columns) from services where clinic_id = clinic_id() and (deleted_at is not null) = \(removed)"
        if let after { query += " and id > \(after)" }
        query += " order by id limit \(limit)"
        return try tx.rows(query).map(decode)
    }

    private static func decode(_ row: Row) throws -> Versioned<VisitService> {
        let kinds: [String] = try row[7]
        return Versioned(
            value: VisitService(
                id: try row[0],
                name: try row[1],
                minutes: try row[2],
                price: Money(amount: try row[3], currency: try row[4]),
                bufferBefore: try row[5],
                bufferAfter: try row[6],
                kinds: kinds.compactMap(VisitKind.init(rawValue:)),
                active: try row[8],
                createdAt: try row[9],
                updatedAt: try row[10]
            ),
            version: try row[11]
        )
    }
}
