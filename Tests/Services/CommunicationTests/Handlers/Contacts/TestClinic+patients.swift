import AppointmentsAPI
import Contracts
import Core

extension TestClinic {
    /// A patient as the calendar tells of one.
    func tell(
        of id: PatientID,
        email: String? = nil,
        phone: PhoneNumber? = nil,
        locale: String? = nil,
        deleted: Bool = false,
        version: Int64 = 1
    ) async throws {
        let now = Instant.now()
        let patient = Patient(
            id: id,
            userId: nil,
            name: "Asha Rao",
            email: email.flatMap { EmailAddress($0) },
            phone: phone,
            birthDate: nil,
            locale: locale,
            locationId: nil,
            createdAt: now,
            updatedAt: now
        )
        try await desk.take(
            try EventEnvelope(
                PatientChanged(patient: patient, deleted: deleted),
                clinicId: clinic,
                actor: "user:1",
                at: now,
                aggregateId: "\(id)",
                aggregateVersion: version
            )
        )
    }
}
