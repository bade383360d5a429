import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// An emergency access as it is stored; what is said in words is sealed.
struct StoredBreakGlass: Sendable {
    var id: BreakGlassID
    var user: UserID
    var patient: PatientID
    var reason: [UInt8]
    var startedAt: Instant
    var expiresAt: Instant
    var endedAt: Instant?
    var verdict: BreakGlass.Verdict?
    var reviewedBy: UserID?
    var reviewedAt: Instant?
    var note: [UInt8]?

    /// Another one with each of the two changes that there can be: its end before its time, and its review.
    var version: Int64 { 1 + (endedAt == nil ? 0 : 1) + (verdict == nil ? 0 : 1) }
}

/// The table `break_glass`.
enum BreakGlassStore {
    private static let columns: Query = """
        id, user_id, patient_id, reason, started_at, expires_at, ended_at, verdict, reviewed_by, reviewed_at, note
        """

    static func insert(_ access: StoredBreakGlass, minutes: Int, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute(
            """
            insert into break_glass (clinic_id, id, user_id, patient_id, reason, minutes, started_at, expires_at)
            values (\(clinic), \(access.id), \(access.user), \(access.patient), \(access.reason), \(minutes),
                \(access.startedAt), \(access.expiresAt))
            """
        )
    }

    static func find(
        _ id: BreakGlassID,
        of clinic: ClinicID,
        forUpdate: Bool = true,
        in tx: borrowing Transaction
    ) throws -> StoredBreakGlass? {
        var query: Query = "select \(columns) from break_glass where clinic_id = \(clinic) and id = \(id)"
        if forUpdate { query += " for update" }
        return try tx.rows(query).first.map(decode)
    }

    /// Newest first; `reviewed` narrows them down.
    static func list(
        of clinic: ClinicID,
        reviewed: Bool?,
        order: TimeOrder,
        after last: BreakGlassID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredBreakGlass] {
        var query: Query = "select \(columns) from break_glass where clinic_id = \(clinic)"
        if let reviewed { query += reviewed ? " and verdict is not null" : " and verdict is null" }
        query += order.page(of: "id", behind: last, limit: limit)
        return try tx.rows(query).map(decode)
    }

    /// Ends what a user has under way for a patient.
    static func end(
        user: UserID,
        patient: PatientID,
        of clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update break_glass set ended_at = \(now) where clinic_id = \(clinic) and user_id = \(user)
                and patient_id = \(patient) and ended_at is null and expires_at > \(now)
            """
        )
    }

    static func end(_ id: BreakGlassID, of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) {
        tx.execute(
            "update break_glass set ended_at = \(now) where clinic_id = \(clinic) and id = \(id) and ended_at is null"
        )
    }

    static func review(_ access: StoredBreakGlass, of clinic: ClinicID, in tx: borrowing Transaction) {
        tx.execute(
            """
            update break_glass set verdict = \(access.verdict?.rawValue), reviewed_by = \(access.reviewedBy),
                reviewed_at = \(access.reviewedAt), note = \(access.note)
            where clinic_id = \(clinic) and id = \(access.id) and verdict is null
            """
        )
    }

    /// What is under way of these users, by user and clinic; through the installation's door.
    static func underway(
        of users: [UserID],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [UserID: [ClinicID: [EmergencyGrant]]] {
        let rows = try tx.rows(
            """
            select user_id, clinic_id, id, patient_id, expires_at from break_glass
            where user_id = any(\(users)) and ended_at is null and expires_at > \(now) order by id desc
            """
        )
        var found: [UserID: [ClinicID: [EmergencyGrant]]] = [:]
        for row in rows {
            let grant = EmergencyGrant(id: try row[2], patientId: try row[3], expiresAt: try row[4])
            found[try row[0], default: [:]][try row[1], default: []].append(grant)
        }
        return found
    }

    private static func decode(_ row: Row) throws -> StoredBreakGlass {
        let verdict: String? = try row[7]
        return StoredBreakGlass(
            id: try row[0],
            user: try row[1],
            patient: try row[2],
            reason: try row[3],
            startedAt: try row[4],
            expiresAt: try row[5],
            endedAt: try row[6],
            verdict: verdict.flatMap(BreakGlass.Verdict.init(rawValue:)),
            reviewedBy: try row[8],
            reviewedAt: try row[9],
            note: try row[10]
        )
    }
}
