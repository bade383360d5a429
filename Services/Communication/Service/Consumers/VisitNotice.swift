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
        let (date, time) = Self.spelled(localStart)
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

    /// `21 October 2026` and `10:30`.
    static func spelled(_ localStart: String) -> (date: String, time: String) {
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November",
            "December",
        ]
        let parts = localStart.split(separator: "T")
        let fields = parts.first?.split(separator: "-").compactMap { Int($0) } ?? []
        guard parts.count == 2, fields.count == 3, months.indices.contains(fields[1] - 1) else {
            return (localStart, "")
        }
        return ("\(fields[2]) \(months[fields[1] - 1]) \(fields[0])", String(parts[1].prefix(5)))
    }
}
