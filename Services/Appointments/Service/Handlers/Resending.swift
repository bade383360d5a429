import AppointmentsAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// Tells every aggregate's present state again, for projections that are built anew; nobody is notified.
enum Resending {
    private static let actor = "system:resend"

    // Those removed first: who forgot that they are must not keep what they held, such as somebody's account.
    static let lists = ofPeopleAndVisitTypes(removed: true) + ofPeopleAndVisitTypes(removed: false) + [visits]

    private static func ofPeopleAndVisitTypes(removed: Bool) -> [ResendList] {
        [
            { after, limit, tx in
                let last = after.flatMap { DoctorID($0) }
                let found = try DoctorStore.all(removed: removed, after: last, limit: limit, in: tx)
                return try tell(found, of: \.id, in: tx) { DoctorChanged(doctor: $0, deleted: removed) }
            },
            { after, limit, tx in
                let last = after.flatMap { PatientID($0) }
                let found = try PatientStore.all(removed: removed, after: last, limit: limit, in: tx)
                return try tell(found, of: \.id, in: tx) { PatientChanged(patient: $0, deleted: removed) }
            },
            { after, limit, tx in
                let last = after.flatMap { VisitTypeID($0) }
                let found = try VisitServiceStore.all(removed: removed, after: last, limit: limit, in: tx)
                return try tell(found, of: \.id, in: tx) { ServiceChanged(service: $0, deleted: removed) }
            },
        ]
    }

    private static let visits: ResendList = { after, limit, tx in
        let found = try AppointmentStore.all(after: after.flatMap { AppointmentID($0) }, limit: limit, in: tx)
        return try tell(found, of: \.id, in: tx) { AppointmentChanged(appointment: AppointmentState($0)) }
    }

    private static func tell<Value, ID: CustomStringConvertible>(
        _ found: [Versioned<Value>],
        of id: (Value) -> ID,
        in tx: borrowing Transaction,
        as payload: (Value) -> some EventPayload
    ) throws -> ResendPage {
        for one in found {
            try Outbox.append(
                payload(one.value),
                aggregate: id(one.value).description,
                version: one.version,
                actor: actor,
                notify: false,
                in: tx
            )
        }
        return ResendPage(count: found.count, last: found.last.map { id($0.value).description })
    }
}
