import AccessAPI
import Contracts
import Core
import Postgres

/// The table `preferences`; the language stands in `users`.
enum PreferenceStore {
    /// What somebody has chosen, without their language; nothing where they have not.
    ///
    /// Works in a transaction of a tenant.
    static func find(_ user: UserID, in tx: borrowing Transaction) throws -> Preferences {
        let rows = try tx.rows("select time_zone, notices from preferences where user_id = \(user)")
        guard let row = rows.first else { return Preferences() }
        let notices: JSONColumn = try row[1]
        return Preferences(
            timeZone: try row[0],
            notices: try JSONTape(notices.json).decode([NoticePreference].self)
        )
    }

    /// Works in a transaction of a tenant.
    static func save(_ preferences: Preferences, of user: UserID, at now: Instant, in tx: borrowing Transaction) throws
    {
        let notices = JSONColumn(try JSONWriter.encode(preferences.notices))
        tx.execute(
            """
            insert into preferences (user_id, time_zone, notices, updated_at)
            values (\(user), \(preferences.timeZone), \(notices), \(now))
            on conflict (user_id) do update set time_zone = excluded.time_zone, notices = excluded.notices,
                updated_at = excluded.updated_at
            """
        )
    }
}
