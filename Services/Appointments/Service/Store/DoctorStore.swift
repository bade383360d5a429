import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// The table `doctors`.
enum DoctorStore {
    private static let columns: Query =
        "id, user_id, name, specialty, email, phone, active, created_at, updated_at, version"

    static func insert(_ doctor: Doctor, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into doctors (clinic_id, id, user_id, name, specialty, email, phone, active, created_at, updated_at)
            values (\(clinic), \(doctor.id), \(doctor.userId), \(doctor.name), \(doctor.specialty), \(doctor.email),
                \(doctor.phone), \(doctor.active), \(doctor.createdAt), \(doctor.updatedAt))
            """
        )
    }

    static func find(
        _ id: DoctorID,
        of clinic: ClinicID,
        forUpdate: Bool = false,
        in tx: borrowing Transaction
    ) throws -> Versioned<Doctor>? {
        let rows = try tx.rows(
            """
            select \(columns) from doctors where clinic_id = \(clinic) and id = \(id) and deleted_at is null\
            \(forUpdate ? " for no key update" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    static func update(_ doctor: Doctor, of clinic: ClinicID, in tx: borrowing Transaction) throws -> Int64? {
        let rows = try tx.rows(
            """
            update doctors set user_id = \(doctor.userId), name = \(doctor.name), specialty = \(doctor.specialty),
                email = \(doctor.email), phone = \(doctor.phone), active = \(doctor.active),
                updated_at = \(doctor.updatedAt), version = version + 1
            where clinic_id = \(clinic) and id = \(doctor.id) and deleted_at is null returning version
            """
        )
        return try rows.first.map { try $0[0] }
    }

    static func delete(_ id: DoctorID, of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) throws
        -> Int64?
    {
        let rows = try tx.rows(
            """
            update doctors set deleted_at = \(now), updated_at = \(now), version = version + 1
            where clinic_id = \(clinic) and id = \(id) and deleted_at is null returning version
            """
        )
        return try rows.first.map { try $0[0] }
    }

    /// Doctors behind the last one shown whose name holds the word, one more than asked for if there are more.
    static func list(
        of clinic: ClinicID,
        word: String?,
        order: DirectoryOrder,
        after: DoctorID?,
        count: Int,
        in tx: borrowing Transaction
    ) throws -> [Doctor] {
        var query: Query = "select \(columns) from doctors where clinic_id = \(clinic) and deleted_at is null"
        if let word { query += " and name ilike \(LikePattern.containing(word))" }
        query += try order.page(of: "doctors", clinic, behind: after, limit: count, in: tx)
        return try tx.rows(query).map { try decode($0).value }
    }

    /// Those of the transaction's clinic that are there, or those that have been removed, in the order of their ids.
    static func all(
        removed: Bool,
        after: DoctorID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [Versioned<Doctor>] {
        var query: Query =
            "select \(columns) from doctors where clinic_id = clinic_id() and (deleted_at is not null) = \(removed)"
        if let after { query += " and id > \(after)" }
        query += " order by id limit \(limit)"
        return try tx.rows(query).map(decode)
    }

    private static func decode(_ row: Row) throws -> Versioned<Doctor> {
        Versioned(
            value: Doctor(
                id: try row[0],
                userId: try row[1],
                name: try row[2],
                specialty: try row[3],
                email: try row[4],
                phone: try row[5],
                active: try row[6],
                createdAt: try row[7],
                updatedAt: try row[8]
            ),
            version: try row[9]
        )
    }
}
