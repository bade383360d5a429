import AccessAPI
import CommunicationAPI
import Contracts
import Core
import Postgres

/// What contacts want now, of messages that were accepted a while ago.
struct CurrentPreferences: Sendable, Equatable {
    /// A message that is sent within so long of being accepted was held against its recipient's preferences just then.
    static let freshFor: Duration = .seconds(2)

    var categories: [CategoryPreference] = []
    var notices: [NoticePreference] = []
    var consents: [Consent] = []
    /// The contact's, else the account's, else the clinic's.
    var zone: TimeZoneName?

    /// What it says of one message.
    func preferences(
        template: String?,
        _ category: MessageCategory,
        isPatient: Bool,
        quietOfClinic: QuietTime?
    ) -> RecipientPreferences {
        var preferences = RecipientPreferences(
            category: categories.first { $0.category == category },
            quietOfClinic: quietOfClinic,
            zone: zone,
            declined: PreferenceRules.declined(consents, category)
        )
        if isPatient, let kind = RecipientPreferences.kind(template: template, category) {
            preferences.notice = notices.first { $0.kind == kind }
        }
        return preferences
    }

    /// The choices of some contacts, in a transaction that is opened for the clinic; of a contact who has made none, the clinic's
    /// time zone alone.
    static func all(of contacts: [ContactID], in tx: borrowing Transaction) throws -> [ContactID: CurrentPreferences] {
        guard !contacts.isEmpty else { return [:] }
        let rows = try tx.rows(
            """
            select w.id, c.categories, n.notices, coalesce(c.time_zone, n.time_zone,
                (select k.time_zone from known_clinics k where k.clinic_id = clinic_id())), c.consents
            from unnest(\(contacts)) as w (id)
            left join contacts c on c.clinic_id = clinic_id() and c.id = w.id
            left join lateral (
                select notices, time_zone from notice_choices
                where clinic_id = clinic_id() and patient_id = w.id and not deleted order by version desc limit 1
            ) n on true
            """
        )
        var found: [ContactID: CurrentPreferences] = [:]
        for row in rows {
            let (categories, notices): (JSONColumn?, JSONColumn?) = (try row[1], try row[2])
            let consents: JSONColumn? = try row[4]
            found[try row[0]] = CurrentPreferences(
                categories: try categories.map { try JSONTape($0.json).decode([CategoryPreference].self) } ?? [],
                notices: try notices.map { try JSONTape($0.json).decode([NoticePreference].self) } ?? [],
                consents: try consents.map { try JSONTape($0.json).decode([Consent].self) } ?? [],
                zone: try row[3]
            )
        }
        return found
    }
}
