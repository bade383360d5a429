import AccessAPI
import Contracts
import Core
import Postgres

/// How somebody with an account wants to be told things.
struct AccountPreferences: Sendable, Equatable {
    var locale: String?
    var timeZone: TimeZoneName?
    var notices: [NoticePreference]
}

/// The projection of access' members; an older version never replaces what is there.
enum AccountPreferenceStore {
    static func keep(_ change: UserChanged, version: Int64, in tx: borrowing Transaction) throws {
        let notices = JSONColumn(try JSONWriter.encode(change.notices ?? []))
        tx.execute(
            """
            insert into notice_choices (clinic_id, user_id, version, patient_id, deleted, locale, time_zone, notices)
            values (clinic_id(), \(change.user.id), \(version), \(change.user.patientId), \(change.deleted), \(change.locale),
                \(change.timeZone), \(notices))
            on conflict (clinic_id, user_id) do update set version = excluded.version, patient_id = excluded.patient_id,
                deleted = excluded.deleted, locale = excluded.locale, time_zone = excluded.time_zone,
                notices = excluded.notices
            where notice_choices.version <= excluded.version
            """
        )
    }

    /// The patient that an account is no longer tied to by a change; `nil` where it stays, or was tied to nobody.
    static func patientLeft(
        by change: UserChanged,
        version: Int64,
        in tx: borrowing Transaction
    ) throws -> PatientID? {
        try tx.rows(
            """
            select patient_id from notice_choices where clinic_id = clinic_id() and user_id = \(change.user.id)
                and version <= \(version) and not deleted and patient_id is not null
                and (\(change.deleted) or patient_id is distinct from \(change.user.patientId))
            """
        ).first.map { try $0[0] }
    }

    /// What the account of a patient says; `nil` without one.
    static func find(of patient: PatientID, in tx: borrowing Transaction) throws -> AccountPreferences? {
        let rows = try tx.rows(
            """
            select locale, time_zone, notices from notice_choices
            where clinic_id = clinic_id() and patient_id = \(patient) and not deleted order by version desc limit 1
            """
        )
        guard let row = rows.first else { return nil }
        let notices: JSONColumn = try row[2]
        return AccountPreferences(
            locale: try row[0],
            timeZone: try row[1],
            notices: try JSONTape(notices.json).decode([NoticePreference].self)
        )
    }
}
