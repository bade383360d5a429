import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Jobs
import Logging
import Postgres
import ProviderConfig
import Resilience
import Telemetry

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

/// Makes a message of a notice, once everything it needs to say has arrived.
struct NoticeJob: JobHandler {
    static let name = "messages.notice"
    /// The patient's own event may come after the visit's.
    static let retry = RetryPolicy(
        attempts: 40,
        base: .milliseconds(500),
        cap: .seconds(300),
        floor: .milliseconds(100)
    )

    let intake: MessageIntake
    let wake: WakeSignal

    func run(_ notice: VisitNotice, _ job: JobContext) async throws {
        let intake = intake
        let sender = MessageIntake.Sender(clinic: job.clinic, actor: "system", now: .now())
        let outcome = try await job.finish { tx -> String? in
            // A visit that is over needs no word any more.
            guard notice.start > sender.now else { return "over" }
            let sealer = try intake.dataKeys.sealer(for: job.clinic, in: tx)
            guard let patient = try ProjectionStore.patient(notice.patient, sealer: sealer, in: tx),
                let doctor = try ProjectionStore.doctorName(notice.doctor, in: tx),
                let service = try ProjectionStore.serviceName(notice.service, in: tx),
                let clinic = try ProjectionStore.clinicName(in: tx)
            else { throw NotYetKnown() }
            guard patient.email != nil else { return "no_address" }
            let draft = notice.draft(patient: patient.name, doctor: doctor, service: service, clinic: clinic)
            do {
                let configured = try intake.configuredChannels(job.clinic, in: tx)
                _ = try intake.accept(draft, from: sender, channels: configured, in: tx)
                return nil
            } catch let problem as Problem {
                return problem.code
            }
        }
        guard let outcome else { return wake.signal() }
        job.log.notice(
            "A notice was not sent",
            metadata: .fields([.reason: outcome, .appointmentID: notice.appointment.description])
        )
    }
}

/// An event that the notice needs has not arrived yet.
struct NotYetKnown: Error {}

extension VisitNotice {
    func draft(patient: String, doctor: String, service: String, clinic: String) -> MessageDraft {
        let (date, time) = Self.spelled(localStart)
        return MessageDraft(
            to: RecipientDraft(patientId: self.patient),
            template: template,
            data: [
                "clinicName": .string(clinic), "patientName": .string(patient), "doctorName": .string(doctor),
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
