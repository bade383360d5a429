import AccessAPI
import AppointmentsAPI
import Contracts
import Core
import Outbox
import Postgres

/// Ties a patient's record to the account of who has registered and proved the address that stands in it.
enum PatientMatch {
    private static let actor = "system:appointments"

    static func take(_ registered: PatientRegistered, at now: Instant, in tx: borrowing Transaction) throws {
        guard let clinic = tx.tenant?.clinic else { throw OutboxError.noClinic }
        guard let address = registered.address else { return }
        let found = try PatientStore.withAddress(address, of: clinic, in: tx)
        guard let record = MatchRule.match(found, by: address, birthDate: registered.birthDate),
            try !PatientStore.isTied(registered.userId, of: clinic, in: tx)
        else { return }
        var patient = record
        patient.userId = registered.userId
        patient.updatedAt = now
        guard let version = try PatientStore.update(patient, of: clinic, in: tx) else { return }
        try Outbox.append(
            PatientChanged(patient: patient),
            aggregate: "\(patient.id)",
            version: version,
            actor: actor,
            in: tx
        )
        let entry = AuditRecord(
            at: now,
            clinicId: clinic,
            actor: AuditRecord.Actor(.system("appointments")),
            action: AppointmentsPermissions.updatePatients.name,
            resource: .init(type: "patients", id: patient.id.description),
            patientId: patient.id,
            outcome: .succeeded,
            reason: "verified_match",
            requestId: RequestID(),
            source: .init(address: "", userAgent: "")
        )
        try Outbox.appendAudit(entry, in: tx)
    }
}

extension PatientRegistered {
    fileprivate var address: MatchRule.Address? { email.map { .email($0) } ?? phone.map { .phone($0) } }
}
