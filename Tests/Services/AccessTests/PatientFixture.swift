import AppointmentsAPI
import Contracts
import Core

@testable import Access
@testable import ServiceHost

/// Patients as the calendar tells of them.
enum PatientFixture {
    static func changed(
        _ patient: PatientID,
        owner: UserID?,
        clinic: ClinicID,
        version: Int64,
        deleted: Bool = false
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
            ),
            deleted: deleted
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

extension AccessDesk {
    /// Has the calendar tell that a clinic has a patient, or has one no longer.
    func know(
        _ patient: PatientID,
        in clinic: ClinicID,
        version: Int64 = 1,
        deleted: Bool = false
    ) async throws {
        let event = try PatientFixture.changed(
            patient,
            owner: nil,
            clinic: clinic,
            version: version,
            deleted: deleted
        )
        try await EventIntake(service: .access, database: database).take([event], for: AppointmentsEvents.consumer)
    }
}
