import AppointmentsAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// Ties members to the patient or doctor record that names them: from then on their role reaches it.
///
/// Keeps which patients there are.
enum AppointmentsEvents {
    static let actor = "system:access"
    private static let handler = "access.records"

    static let consumer = ServiceDefinition.Consumer(of: .appointments, [PatientChanged.self, DoctorChanged.self]) {
        try take($0, in: $1)
    }

    private static func take(_ event: EventEnvelope, in tx: borrowing Transaction) throws {
        let change: (record: PersonRecord, owner: UserID?, isDeleted: Bool)
        switch event.name {
        case PatientChanged.kind:
            let payload = try event.decode(PatientChanged.self)
            change = (.patient(payload.patient.id), payload.deleted ? nil : payload.patient.userId, payload.deleted)
        case DoctorChanged.kind:
            let payload = try event.decode(DoctorChanged.self)
            change = (.doctor(payload.doctor.id), payload.deleted ? nil : payload.doctor.userId, payload.deleted)
        default: return
        }
        guard try Inbox.newer(event, handler: handler, in: tx) else { return }
        if case .patient(let patient) = change.record {
            KnownPatientStore.keep(patient, of: event.clinicId, deleted: change.isDeleted, in: tx)
        }
        try tie(change.record, to: change.owner, event, in: tx)
    }

    private static func tie(
        _ record: PersonRecord,
        to owner: UserID?,
        _ event: EventEnvelope,
        in tx: borrowing Transaction
    ) throws {
        // Both rows are locked before the policy's version is: whoever else changes a member takes them in this order.
        let former = try MemberStore.find(record: record, of: event.clinicId, in: tx)
        if let former, former.user == owner { return }
        let next = try owner.flatMap { try MemberStore.find($0, of: event.clinicId, in: tx) }
        if let former { try save(former.without(record), event, in: tx) }
        if let tied = next?.with(record) { try save(tied, event, in: tx) }
    }

    private static func save(
        _ changed: StoredMember,
        _ event: EventEnvelope,
        in tx: borrowing Transaction
    ) throws {
        var member = changed
        member.updatedAt = event.at
        member.version = try MemberStore.update(member, in: tx)
        try MemberHandlers.announce(member, by: actor, deleted: member.status == .removed, in: tx)
        UserStore.touch(member.user, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
    }
}

extension StoredMember {
    /// With the record for their own; `nil` where they have another one already, which stays.
    func with(_ record: PersonRecord) -> StoredMember? {
        var member = self
        switch record {
        case .patient(let id):
            guard patient == nil else { return nil }
            member.patient = id
        case .doctor(let id):
            guard doctor == nil else { return nil }
            member.doctor = id
        }
        return member
    }

    func without(_ record: PersonRecord) -> StoredMember {
        var member = self
        switch record {
        case .patient: member.patient = nil
        case .doctor: member.doctor = nil
        }
        return member
    }
}
