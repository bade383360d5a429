import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// The table `patients`; row-level security keeps to the caller's reach.
enum PatientStore {
    private static let columns: Query =
        "id, user_id, name, email, phone, birth_date, locale, location_id, created_at, updated_at, version"

    static func insert(_ patient: Patient, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into patients (clinic_id, id, user_id, name, email, phone, birth_date, locale, location_id, created_at,
                updated_at)
            values (\(clinic), \(patient.id), \(patient.userId), \(patient.name), \(patient.email), \(patient.phone),
                \(patient.birthDate), \(patient.locale), \(patient.locationId), \(patient.createdAt), \(patient.updatedAt))
            """
        )
    }

    static func find(
        _ id: PatientID,
        of clinic: ClinicID,
        forUpdate: Bool = false,
        in tx: borrowing Transaction
    ) throws -> Versioned<Patient>? {
        let rows = try tx.rows(
            """
            select \(columns) from patients where clinic_id = \(clinic) and id = \(id) and deleted_at is null\
            \(forUpdate ? " for no key update" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    static func update(_ patient: Patient, of clinic: ClinicID, in tx: borrowing Transaction) throws -> Int64? {
        let rows = try tx.rows(
            """
            update patients set user_id = \(patient.userId), name = \(patient.name), email = \(patient.email),
                phone = \(patient.phone), birth_date = \(patient.birthDate), locale = \(patient.locale),
                location_id = \(patient.locationId), updated_at = \(patient.updatedAt), version = version + 1
            where clinic_id = \(clinic) and id = \(patient.id) and deleted_at is null returning version
            """
        )
        return try rows.first.map { try $0[0] }
    }

    static func delete(_ id: PatientID, of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) throws
        -> Int64?
    {
        let rows = try tx.rows(
            """
            update patients set deleted_at = \(now), updated_at = \(now), version = version + 1
            where clinic_id = \(clinic) and id = \(id) and deleted_at is null returning version
            """
        )
        return try rows.first.map { try $0[0] }
    }

    /// Patients behind the last one shown whose name holds the word, or whose address or number it is.
    static func list(
        of clinic: ClinicID,
        word: String?,
        order: DirectoryOrder,
        after: PatientID?,
        count: Int,
        in tx: borrowing Transaction
    ) throws -> [Patient] {
        var query: Query = "select \(columns) from patients where clinic_id = \(clinic) and deleted_at is null"
        if let word {
            query +=
                " and (name ilike \(LikePattern.containing(word)) or lower(email) = lower(\(word)) or phone = \(word))"
        }
        query += try order.page(of: "patients", clinic, behind: after, limit: count, in: tx)
        return try tx.rows(query).map { try decode($0).value }
    }

    /// All with the e-mail address or the number, kept from being changed until the end of the transaction.
    static func withAddress(
        _ address: MatchRule.Address,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> [Patient] {
        let same: Query =
            switch address {
            case .email(let email): "lower(email) = lower(\(email))"
            case .phone(let phone): "phone = \(phone)"
            }
        let found = try tx.rows(
            """
            select \(columns) from patients
            where clinic_id = \(clinic) and \(same) and deleted_at is null order by id for no key update
            """
        ).map { try decode($0).value }
        guard case .email(let email) = address else { return found }
        return found.filter { $0.email == email }
    }

    /// Whether a record is somebody's own already.
    static func isTied(_ user: UserID, of clinic: ClinicID, in tx: borrowing Transaction) throws -> Bool {
        try !tx.rows("select from patients where clinic_id = \(clinic) and user_id = \(user)").isEmpty
    }

    /// Those of the transaction's clinic that are there, or those that have been removed, in the order of their ids.
    static func all(
        removed: Bool,
        after: PatientID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [Versioned<Patient>] {
        var query: Query =
            "select \(columns) from patients where clinic_id = clinic_id() and (deleted_at is not null) = \(removed)"
        if let after { query += " and id > \(after)" }
        query += " order by id limit \(limit)"
        return try tx.rows(query).map(decode)
    }

    private static func decode(_ row: Row) throws -> Versioned<Patient> {
        Versioned(
            value: Patient(
                id: try row[0],
                userId: try row[1],
                name: try row[2],
                email: try row[3],
                phone: try row[4],
                birthDate: try row[5],
                locale: try row[6],
                locationId: try row[7],
                createdAt: try row[8],
                updatedAt: try row[9]
            ),
            version: try row[10]
        )
    }
}
