import Core
import Postgres

/// The table `known_patients`.
enum KnownPatientStore {
    static func keep(_ patient: PatientID, of clinic: ClinicID, deleted: Bool, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into known_patients (clinic_id, patient_id, deleted) values (\(clinic), \(patient), \(deleted))
            on conflict (clinic_id, patient_id) do update set deleted = excluded.deleted
            """
        )
    }

    /// Whether the clinic has the patient, and has not removed them.
    static func knows(_ patient: PatientID, of clinic: ClinicID, in tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            select from known_patients where clinic_id = \(clinic) and patient_id = \(patient) and not deleted
            """
        )
        return !rows.isEmpty
    }
}
