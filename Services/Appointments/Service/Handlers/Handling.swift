import AppointmentsAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

extension OperationContext {
    /// Who an event says caused it.
    var actor: String { "\(principal.kind.rawValue):\(principal.id)" }

    /// Where a list goes on.
    func position(_ cursor: String?, list: String, _ cursors: CursorSeal) throws(Problem) -> [String]? {
        try cursors.open(cursor, list: "\(endpoint.name)?\(list)", clinic: clinic)
    }

    /// One page of what was found: at most `limit` items, the one behind them only says that there are more.
    func page<Item: Wire>(
        _ found: [Item],
        limit: Int,
        list: String,
        _ cursors: CursorSeal,
        position: (Item) -> [String]
    ) -> Page<Item> {
        guard found.count > limit, let last = found.prefix(limit).last else { return Page(items: found) }
        let cursor = cursors.seal(position(last), list: "\(endpoint.name)?\(list)", clinic: clinic)
        return Page(items: Array(found.prefix(limit)), nextCursor: cursor)
    }
}

extension Problem {
    /// Runs statements and tells a client of those failures that are theirs.
    ///
    /// What row-level security refuses to write is out of the caller's reach.
    static func of<Result>(_ context: OperationContext, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            switch (error.code, error.constraint) {
            case (.uniqueViolation, "doctors_user"), (.uniqueViolation, "patients_user"):
                throw Problem.conflict("user_taken", "That account is linked to another record.")
            case (.insufficientPrivilege, _): throw Problem.forbidden(context.endpoint.auditAction)
            default: throw error
            }
        }
    }

    /// Access tells of a new location a moment later.
    static let locationUnknown = Problem(
        409,
        "location_unknown",
        "There is no such location, or it was added a moment ago.",
        retryable: true,
        retryAfter: 1
    )
}

/// The event of a change, beside the change.
struct Announcement {
    let context: OperationContext

    func doctor(_ doctor: Doctor, version: Int64, deleted: Bool = false, in tx: borrowing Transaction) throws {
        try Outbox.append(
            DoctorChanged(doctor: doctor, deleted: deleted),
            aggregate: "\(doctor.id)",
            version: version,
            actor: context.actor,
            in: tx
        )
    }

    func patient(_ patient: Patient, version: Int64, deleted: Bool = false, in tx: borrowing Transaction) throws {
        try Outbox.append(
            PatientChanged(patient: patient, deleted: deleted),
            aggregate: "\(patient.id)",
            version: version,
            actor: context.actor,
            in: tx
        )
    }

    func service(_ service: VisitService, version: Int64, deleted: Bool = false, in tx: borrowing Transaction) throws {
        try Outbox.append(
            ServiceChanged(service: service, deleted: deleted),
            aggregate: "\(service.id)",
            version: version,
            actor: context.actor,
            in: tx
        )
    }
}
