import AccessAPI
import AppointmentsAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// What is known of a patient from the calendar's events.
struct KnownPatient: Codable, Sendable, Equatable {
    private static let purpose = "known patient"

    var name: String
    var email: EmailAddress?
    var phone: PhoneNumber?

    func seal(for id: PatientID, version: Int64, with sealer: ClinicSealer) throws -> [UInt8] {
        try sealer.seal(try JSONWriter.encode(self), purpose: Self.purpose, record: id.description, version: version)
    }

    static func open(_ sealed: [UInt8], of id: PatientID, version: Int64, with sealer: ClinicSealer) throws
        -> KnownPatient
    {
        let plain = try sealer.open(sealed, purpose: purpose, record: id.description, version: version)
        return try JSONTape(plain).decode(KnownPatient.self)
    }
}

/// Projections of other services' aggregates; an older version never replaces what is there.
///
/// The same version does: sent again, it mends what was lost or damaged.
enum ProjectionStore {
    static func keep(_ clinic: Clinic, version: Int64, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into known_clinics (clinic_id, version, name, locale, time_zone, suspended)
            values (\(clinic.id), \(version), \(clinic.branding?.displayName ?? clinic.name), \(clinic.locale),
                \(clinic.timeZone.name), \(clinic.status == .suspended))
            on conflict (clinic_id) do update set version = excluded.version, name = excluded.name,
                locale = excluded.locale, time_zone = excluded.time_zone, suspended = excluded.suspended
            where known_clinics.version <= excluded.version
            """
        )
    }

    /// Keeps a patient; `false` when a later version is there.
    static func keep(
        _ patient: Patient,
        deleted: Bool,
        version: Int64,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let known = KnownPatient(
            name: patient.name,
            email: deleted ? nil : patient.email,
            phone: deleted ? nil : patient.phone
        )
        let sealed = try known.seal(for: patient.id, version: version, with: sealer)
        let rows = try tx.rows(
            """
            insert into known_patients (clinic_id, patient_id, version, location_id, locale, deleted, sealed)
            values (clinic_id(), \(patient.id), \(version), \(patient.locationId), \(patient.locale), \(deleted), \(sealed))
            on conflict (clinic_id, patient_id) do update set version = excluded.version,
                location_id = excluded.location_id, locale = excluded.locale, deleted = excluded.deleted,
                sealed = excluded.sealed
            where known_patients.version <= excluded.version
            """
        )
        return rows.affected == 1
    }

    static func keep(_ location: Location, deleted: Bool, version: Int64, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into known_phones (clinic_id, id, version, deleted, phone)
            values (clinic_id(), \(location.id), \(version), \(deleted), \(location.phone))
            on conflict (clinic_id, id) do update set version = excluded.version, deleted = excluded.deleted,
                phone = excluded.phone
            where known_phones.version <= excluded.version
            """
        )
    }

    /// What an invoice is called never changes.
    static func keep(number: String, of invoice: InvoiceID, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into known_invoices (clinic_id, id, number) values (clinic_id(), \(invoice), \(number))
            on conflict do nothing
            """
        )
    }

    static func keep(_ doctor: Doctor, version: Int64, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into known_doctors (clinic_id, id, version, name)
            values (clinic_id(), \(doctor.id), \(version), \(doctor.name))
            on conflict (clinic_id, id) do update set version = excluded.version, name = excluded.name
            where known_doctors.version <= excluded.version
            """
        )
    }

    static func keep(_ service: VisitService, version: Int64, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into known_services (clinic_id, id, version, name)
            values (clinic_id(), \(service.id), \(version), \(service.name))
            on conflict (clinic_id, id) do update set version = excluded.version, name = excluded.name
            where known_services.version <= excluded.version
            """
        )
    }

    /// A patient whom the transaction's scope reaches, without an address once removed; `nil` for others.
    static func patient(_ id: PatientID, sealer: ClinicSealer, in tx: borrowing Transaction) throws -> KnownPatient? {
        let rows = try tx.rows(
            """
            select sealed, version from known_patients
            where clinic_id = clinic_id() and patient_id = \(id)
            """
        )
        guard let row = rows.first else { return nil }
        return try KnownPatient.open(try row[0], of: id, version: try row[1], with: sealer)
    }

    /// What is known of a patient who is there, and their language.
    struct PatientContact: Sendable {
        var patient: KnownPatient
        /// The account's, else the patient record's.
        var locale: String?
    }

    /// A patient whom the transaction's scope reaches; `nil` for others and once removed.
    static func contact(
        _ id: PatientID,
        dataKeys: DataKeyStore,
        in tx: borrowing Transaction
    ) throws -> PatientContact? {
        let rows = try tx.rows(
            """
            select sealed, version, coalesce((
                select locale from notice_choices
                where clinic_id = clinic_id() and patient_id = \(id) and not deleted order by version desc limit 1), locale)
            from known_patients where clinic_id = clinic_id() and patient_id = \(id) and not deleted
            """
        )
        guard let row = rows.first, let clinic = tx.tenant?.clinic else { return nil }
        let sealer = try dataKeys.sealer(for: clinic, in: tx)
        let known = try KnownPatient.open(try row[0], of: id, version: try row[1], with: sealer)
        return PatientContact(patient: known, locale: try row[2])
    }

    static func clinicName(in tx: borrowing Transaction) throws -> String? {
        try tx.rows("select name from known_clinics where clinic_id = clinic_id()").first.map { try $0[0] }
    }

    /// Where the clinic can be called: at its first location that has a number.
    static func clinicPhone(in tx: borrowing Transaction) throws -> PhoneNumber? {
        let rows = try tx.rows(
            """
            select phone from known_phones where clinic_id = clinic_id() and not deleted and phone is not null
            order by id limit 1
            """
        )
        return try rows.first.map { try $0[0] }
    }

    static func invoiceNumber(_ id: InvoiceID, in tx: borrowing Transaction) throws -> String? {
        try tx.rows("select number from known_invoices where clinic_id = clinic_id() and id = \(id)").first.map {
            try $0[0]
        }
    }

    static func clinicTimeZone(in tx: borrowing Transaction) throws -> TimeZoneName? {
        try tx.rows("select time_zone from known_clinics where clinic_id = clinic_id()").first.map { try $0[0] }
    }

    static func doctorName(_ id: DoctorID, in tx: borrowing Transaction) throws -> String? {
        try tx.rows("select name from known_doctors where clinic_id = clinic_id() and id = \(id)").first.map {
            try $0[0]
        }
    }

    static func serviceName(_ id: VisitTypeID, in tx: borrowing Transaction) throws -> String? {
        try tx.rows("select name from known_services where clinic_id = clinic_id() and id = \(id)").first.map {
            try $0[0]
        }
    }
}
