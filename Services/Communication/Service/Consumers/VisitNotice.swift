import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// What a patient is to be told about a visit.
struct VisitNotice: Codable, Sendable, Equatable {
    var template: String
    var appointment: AppointmentID
    var patient: PatientID
    var doctor: DoctorID
    var service: VisitTypeID
    /// `YYYY-MM-DDTHH:MM` in `timeZone`.
    var localStart: String
    var timeZone: String
    var start: Instant

    init(_ visit: AppointmentState, template: String) {
        self.template = template
        appointment = visit.id
        patient = visit.patientId
        doctor = visit.doctorId
        service = visit.serviceId
        localStart = visit.localStart
        timeZone = visit.timeZone.name
        start = visit.start
    }
}

extension VisitNotice {
    /// The message, once everybody it names is known; a `Problem` when there is nothing to be said any more.
    func draft(at now: Instant, sealer: ClinicSealer, in tx: borrowing Transaction) throws -> MessageDraft {
        guard start > now else { throw Problem.gone("visit_over", "The visit is over.") }
        guard let known = try ProjectionStore.patient(patient, sealer: sealer, in: tx),
            let doctor = try ProjectionStore.doctorName(doctor, in: tx),
            let service = try ProjectionStore.serviceName(service, in: tx),
            let clinic = try ProjectionStore.clinicName(in: tx)
        else { throw NotYetKnown() }
        let (date, time) = Self.parts(of: localStart)
        return MessageDraft(
            to: RecipientDraft(patientId: patient),
            template: template,
            data: [
                "clinicName": .string(clinic), "patientName": .string(known.name), "doctorName": .string(doctor),
                "serviceName": .string(service), "date": .string(date), "time": .string(time),
                "timeZone": .string(timeZone),
            ],
            category: .care,
            expiresAt: start,
            reference: "appointment:\(appointment)"
        )
    }

    /// `2026-10-21` and `10:30` of `2026-10-21T10:30`.
    static func parts(of localStart: String) -> (date: String, time: String) {
        let parts = localStart.split(separator: "T", maxSplits: 1)
        return (String(parts.first ?? ""), String(parts.last?.prefix(5) ?? ""))
    }
}
