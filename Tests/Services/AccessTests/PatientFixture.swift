import AppointmentsAPI
import Contracts
import Core

/// Patients as the calendar tells of them.
enum PatientFixture {
    static func changed(
        _ patient: PatientID,
        owner: UserID?,
        clinic: ClinicID,
        version: Int64
    ) throws -> EventEnvelope {
        let payload = PatientChanged(
            patient: Patient(
                id: patient,
                userId: owner,
                name: "P",
                email: nil,
                phone: nil,
                birthDate: nil,
                locale: nil,
                locationId: nil,
                createdAt: .now(),
                updatedAt: .now()
            )
        )
        return try EventEnvelope(
            payload,
            clinicId: clinic,
            actor: "test",
            at: .now(),
            aggregateId: "patient:\(patient)",
            aggregateVersion: version
        )
    }
}
