import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// A membership with the addresses and language of the person.
struct StoredMember: Sendable {
    enum Status: String, Column { case invited, active, suspended, removed }

    var clinic: ClinicID
    var user: UserID
    /// At least one of `email` and `phone`.
    var email: EmailAddress?
    var phone: PhoneNumber?
    /// Whether the invitation was for the number.
    var invitedByPhone = false
    var locale: String?
    var name: String
    var status: Status
    var roles: [RoleGrant]
    var patient: PatientID?
    var doctor: DoctorID?
    var createdAt: Instant
    var updatedAt: Instant
    var version: Int64

    /// How clients see it; a removed one as suspended, in its last event only.
    ///
    /// What else is known of the account of somebody who has not accepted yet is not the clinic's to see.
    var member: Member {
        Member(
            id: user,
            clinicId: clinic,
            email: status == .invited && invitedByPhone ? nil : email,
            phone: status == .invited && !invitedByPhone ? nil : phone,
            name: name,
            status: Member.Status(rawValue: status.rawValue) ?? .suspended,
            roles: roles.map { AssignedRole(role: $0.role.text, locationIds: $0.locationIds) },
            patientId: patient,
            doctorId: doctor,
            createdAt: createdAt,
            updatedAt: updatedAt
        )
    }

    var isAdmin: Bool { status == .active && roles.contains { $0.role == .builtIn(.clinicAdmin) } }
}

extension StoredMember {
    /// Whether a role of theirs counts at one of the locations: those limited to none count everywhere.
    func worksAt(_ locations: [LocationID]) -> Bool {
        roles.contains { grant in grant.locationIds.map { !Set($0).isDisjoint(with: locations) } ?? true }
    }
}

/// A record in the calendar that may be somebody's own.
enum PersonRecord: Hashable, Sendable {
    case patient(PatientID)
    case doctor(DoctorID)
}

/// The table `memberships`.
enum MemberStore {
    private static let columns: Query = """
        m.clinic_id, m.user_id, u.email, u.phone, m.invited_by_phone, u.locale, m.name, m.status, m.roles, m.patient_id,
        m.doctor_id, m.created_at, m.updated_at, m.version
        """

    /// A member who has not left; `forUpdate` keeps others from changing them until the end of the transaction.
    static func find(
        _ user: UserID,
        of clinic: ClinicID,
        forUpdate: Bool = true,
        in tx: borrowing Transaction
    ) throws -> StoredMember? {
        let rows = try tx.rows(
            """
            select \(columns) from memberships as m join users as u on u.id = m.user_id
            where m.clinic_id = \(clinic) and m.user_id = \(user) and m.status <> 'removed'\
            \(forUpdate ? " for update of m" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    /// Who has the patient's or doctor's record for their own.
    static func find(
        record: PersonRecord,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> StoredMember? {
        let owner: Query =
            switch record {
            case .patient(let id): "m.patient_id = \(id)"
            case .doctor(let id): "m.doctor_id = \(id)"
            }
        let rows = try tx.rows(
            """
            select \(columns) from memberships as m join users as u on u.id = m.user_id
            where m.clinic_id = \(clinic) and \(owner) for update of m
            """
        )
        return try rows.first.map(decode)
    }

    /// Adds a member, or one who had left; `false` when the person is one already.
    static func insert(_ member: StoredMember, in tx: borrowing Transaction) throws -> Int64? {
        let rows = try tx.rows(
            """
            insert into memberships as m (clinic_id, user_id, name, status, roles, invited_by_phone, created_at,
                updated_at)
            values (\(member.clinic), \(member.user), \(member.name), \(member.status.rawValue),
                \(try encode(member.roles)), \(member.invitedByPhone), \(member.createdAt), \(member.updatedAt))
            on conflict (clinic_id, user_id) do update set name = excluded.name, status = excluded.status,
                roles = excluded.roles, invited_by_phone = excluded.invited_by_phone, patient_id = null,
                doctor_id = null, updated_at = excluded.updated_at, version = m.version + 1
            where m.status = 'removed'
            returning m.version
            """
        )
        return try rows.first.map { try $0[0] }
    }

    static func update(_ member: StoredMember, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            """
            update memberships set name = \(member.name), status = \(member.status.rawValue),
                roles = \(try encode(member.roles)), patient_id = \(member.patient), doctor_id = \(member.doctor),
                updated_at = \(member.updatedAt), version = version + 1
            where clinic_id = \(member.clinic) and user_id = \(member.user)
            returning version
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    /// Who administers the clinic at present.
    static func administrators(of clinic: ClinicID, in tx: borrowing Transaction) throws -> [StoredMember] {
        let rows = try tx.rows(
            """
            select \(columns) from memberships as m join users as u on u.id = m.user_id
            where m.clinic_id = \(clinic) and m.status = 'active' and u.status = 'active'
                and m.roles @> '[{"role": "CLINIC_ADMIN"}]'
            order by m.user_id
            """
        )
        return try rows.map(decode)
    }

    /// Whether somebody else administers the clinic.
    ///
    /// Lock the clinic first.
    static func anotherAdmin(than user: UserID, in clinic: ClinicID, tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            select exists (select from memberships as m join users as u on u.id = m.user_id
                where m.clinic_id = \(clinic) and m.user_id <> \(user) and m.status = 'active' and u.status = 'active'
                    and m.roles @> '[{"role": "CLINIC_ADMIN"}]')
            """
        )
        return try rows.first.map { try $0[0] } ?? false
    }

    /// Whether a role of anybody is limited to the location.
    static func isLimitedTo(_ location: LocationID, in clinic: ClinicID, tx: borrowing Transaction) throws -> Bool {
        let pattern = JSONColumn(Array(#"[{"locationIds":["\#(location)"]}]"#.utf8))
        let rows = try tx.rows(
            """
            select exists (select from memberships
                where clinic_id = \(clinic) and status <> 'removed' and roles @> \(pattern))
            """
        )
        return try rows.first.map { try $0[0] } ?? false
    }

    /// Whether anybody has the role.
    static func anybodyHas(_ role: RoleID, in clinic: ClinicID, tx: borrowing Transaction) throws -> Bool {
        let pattern = JSONColumn(Array(#"[{"role":"\#(role)"}]"#.utf8))
        let rows = try tx.rows(
            """
            select exists (select from memberships
                where clinic_id = \(clinic) and status <> 'removed' and roles @> \(pattern))
            """
        )
        return try rows.first.map { try $0[0] } ?? false
    }

    /// Members in the order of their ids; `places` limits them to those with a role that counts at one of these.
    static func list(
        _ request: MemberListRequest,
        at places: [LocationID]? = nil,
        after: UserID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredMember] {
        var query: Query = """
            select \(columns) from memberships as m join users as u on u.id = m.user_id
            where m.clinic_id = \(request.clinicId) and m.status <> 'removed'
            """
        if let status = request.status { query += " and m.status = \(status.rawValue)" }
        if let places {
            query += """
                 and exists (select from jsonb_array_elements(m.roles) as held
                    where not held ? 'locationIds' or held -> 'locationIds' ?| \(places.map(\.description)))
                """
        }
        if let role = request.role {
            let pattern = JSONColumn(Array("[{\"role\":\(JSONWriter.quoted(role))}]".utf8))
            query += " and m.roles @> \(pattern)"
        }
        if let words = request.q {
            let pattern = LikePattern.beginning(with: words)
            query += " and (m.name ilike \(pattern) or m.name ilike \("% " + pattern))"
        }
        let order = request.sort ?? .oldestFirst
        query += order.page(of: "m.user_id", behind: after, limit: limit)
        return try tx.rows(query).map(decode)
    }

    /// Everybody who is or was a member, in the order of their ids.
    static func everyone(of clinic: ClinicID, after: UserID?, limit: Int, in tx: borrowing Transaction) throws
        -> [StoredMember]
    {
        var query: Query = """
            select \(columns) from memberships as m join users as u on u.id = m.user_id where m.clinic_id = \(clinic)
            """
        if let after { query += " and m.user_id > \(after)" }
        query += " order by m.user_id limit \(limit)"
        return try tx.rows(query).map(decode)
    }

    private static func encode(_ roles: [RoleGrant]) throws -> JSONColumn { JSONColumn(try JSONWriter.encode(roles)) }

    private static func decode(_ row: Row) throws -> StoredMember {
        let roles: JSONColumn = try row[8]
        return StoredMember(
            clinic: try row[0],
            user: try row[1],
            email: try row[2],
            phone: try row[3],
            invitedByPhone: try row[4],
            locale: try row[5],
            name: try row[6],
            status: try row[7],
            roles: try JSONTape(roles.json).decode([RoleGrant].self),
            patient: try row[9],
            doctor: try row[10],
            createdAt: try row[11],
            updatedAt: try row[12],
            version: try row[13]
        )
    }
}
