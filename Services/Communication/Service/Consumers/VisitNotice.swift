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
    /// Of a visit that has moved: when it was to begin until then, as `localStart`.
    var formerLocalStart: String?
}

extension VisitNotice {
    init(_ visit: AppointmentState, template: String, formerLocalStart: String? = nil) {
        self.init(
            template: template,
            appointment: visit.id,
            patient: visit.patientId,
            doctor: visit.doctorId,
            service: visit.serviceId,
            localStart: visit.localStart,
            timeZone: visit.timeZone.name,
            start: visit.start,
            formerLocalStart: formerLocalStart
        )
    }

    /// The message, once everybody it names is known; a `Problem` when there is nothing to be said any more.
    ///
    /// - Parameter expires: when it would come too late, at the latest when the visit begins.
    func draft(
        at now: Instant,
        until expires: Instant? = nil,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> MessageDraft {
        guard start > now else { throw Problem.gone("visit_over", "The visit is over.") }
        return MessageDraft(
            to: RecipientDraft(patientId: patient),
            template: template,
            data: try data(sealer: sealer, in: tx),
            category: .care,
            expiresAt: expires ?? start,
            reference: Self.reference(of: appointment)
        )
    }

    /// By what messages about a visit are found.
    static func reference(of appointment: AppointmentID) -> String { "appointment:\(appointment)" }

    /// Whether it says when the visit is, and that has changed since.
    func isOvertaken(in tx: borrowing Transaction) throws -> Bool {
        guard VisitNews.timely.contains(template), let known = try VisitStore.standing(appointment, in: tx) else {
            return false
        }
        return known.isCancelled || known.start != start
    }

    /// What templates about visits ask for; throws `NotYetKnown` while somebody it names is not known.
    func data(sealer: ClinicSealer, in tx: borrowing Transaction) throws -> [String: JSONValue] {
        guard let known = try ProjectionStore.patient(patient, sealer: sealer, in: tx),
            let doctor = try ProjectionStore.doctorName(doctor, in: tx),
            let service = try ProjectionStore.serviceName(service, in: tx),
            let clinic = try ProjectionStore.clinicName(in: tx)
        else { throw NotYetKnown() }
        let (date, time) = Self.parts(of: localStart)
        var data: [String: JSONValue] = [
            "clinicName": .string(clinic), "patientName": .string(known.name), "doctorName": .string(doctor),
            "serviceName": .string(service), "date": .string(date), "time": .string(time),
            "timeZone": .string(timeZone),
        ]
        if let formerLocalStart {
            let (date, time) = Self.parts(of: formerLocalStart)
            (data["formerDate"], data["formerTime"]) = (.string(date), .string(time))
        }
        return data
    }

    /// `2026-10-21` and `10:30` of `2026-10-21T10:30`.
    static func parts(of localStart: String) -> (date: String, time: String) {
        let parts = localStart.split(separator: "T", maxSplits: 1)
        return (String(parts.first ?? ""), String(parts.last?.prefix(5) ?? ""))
    }
}
