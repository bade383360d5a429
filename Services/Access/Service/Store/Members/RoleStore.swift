import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// A clinic's own role with the version of its row.
struct StoredRole: Sendable {
    var id: RoleID
    var clinic: ClinicID
    var name: String
    var description: String?
    var permissions: [PermissionReach]
    var createdAt: Instant
    var updatedAt: Instant
    var version: Int64

    /// How clients see it.
    var role: ClinicRole {
        ClinicRole(
            id: id,
            clinicId: clinic,
            name: name,
            description: description,
            permissions: permissions.map(RolePermission.init),
            createdAt: createdAt,
            updatedAt: updatedAt
        )
    }
}

/// The table `roles`: those that clinics make for themselves.
enum RoleStore {
    private static let columns: Query =
        "clinic_id, id, name, description, permissions, created_at, updated_at, version"

    static func insert(_ role: StoredRole, policyVersion: Int64, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            insert into roles (clinic_id, id, name, description, permissions, policy_version, created_at, updated_at)
            values (\(role.clinic), \(role.id), \(role.name), \(role.description), \(try encode(role.permissions)),
                \(policyVersion), \(role.createdAt), \(role.updatedAt))
            """
        )
        try tx.flush()
    }

    /// A role that is there; `forUpdate` keeps others from changing or assigning it until the end of the transaction.
    static func find(
        _ id: RoleID,
        of clinic: ClinicID,
        forUpdate: Bool = true,
        in tx: borrowing Transaction
    ) throws -> StoredRole? {
        let rows = try tx.rows(
            """
            select \(columns) from roles where clinic_id = \(clinic) and id = \(id) and deleted_at is null\
            \(forUpdate ? " for update" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    static func update(_ role: StoredRole, policyVersion: Int64, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            """
            update roles set name = \(role.name), description = \(role.description),
                permissions = \(try encode(role.permissions)), updated_at = \(role.updatedAt),
                policy_version = \(policyVersion), version = version + 1
            where clinic_id = \(role.clinic) and id = \(role.id)
            returning version
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    static func remove(_ role: StoredRole, at now: Instant, policyVersion: Int64, in tx: borrowing Transaction) {
        tx.execute(
            """
            update roles set deleted_at = \(now), updated_at = \(now), permissions = '[]',
                policy_version = \(policyVersion), version = version + 1
            where clinic_id = \(role.clinic) and id = \(role.id)
            """
        )
    }

    /// Roles that are there, in the order of their ids.
    static func list(
        of clinic: ClinicID,
        order: TimeOrder = .oldestFirst,
        after: RoleID? = nil,
        limit: Int = ClinicRole.mostRoles,
        in tx: borrowing Transaction
    ) throws -> [StoredRole] {
        var query: Query = "select \(columns) from roles where clinic_id = \(clinic) and deleted_at is null"
        query += order.page(of: "id", behind: after, limit: limit)
        return try tx.rows(query).map(decode)
    }

    /// Those of the ids that are no roles of the clinic; the others stay until the end of the transaction.
    static func unknown(_ ids: [RoleID], in clinic: ClinicID, tx: borrowing Transaction) throws -> Set<RoleID> {
        if ids.isEmpty { return [] }
        let rows = try tx.rows(
            """
            select id from roles where clinic_id = \(clinic) and id = any(\(ids)) and deleted_at is null
            order by id for share
            """
        )
        return Set(ids).subtracting(try rows.map { try $0[0] })
    }

    /// What the roles of a clinic open.
    static func book(of clinic: ClinicID, in tx: borrowing Transaction) throws -> RoleBook {
        RoleBook(
            try list(of: clinic, in: tx).map {
                RolePolicy(id: $0.id, clinicId: $0.clinic, permissions: $0.permissions)
            }
        )
    }

    /// What processes are told of roles, removed ones too.
    ///
    /// Through the installation's door.
    static func policies(_ ids: [RoleID], in tx: borrowing Transaction) throws -> [RolePolicy] {
        if ids.isEmpty { return [] }
        let rows = try tx.rows("select id, clinic_id, permissions from roles where id = any(\(ids))")
        return try rows.map { RolePolicy(id: try $0[0], clinicId: try $0[1], permissions: try decode(try $0[2])) }
    }

    /// What processes are told of the roles of a clinic that are there.
    ///
    /// Through the installation's door.
    static func policies(of clinic: ClinicID, in tx: borrowing Transaction) throws -> [RolePolicy] {
        let rows = try tx.rows(
            "select id, clinic_id, permissions from roles where clinic_id = \(clinic) and deleted_at is null"
        )
        return try rows.map { RolePolicy(id: try $0[0], clinicId: try $0[1], permissions: try decode(try $0[2])) }
    }

    /// What the roles of these clinics open.
    ///
    /// Through the installation's door.
    static func books(of clinics: [ClinicID], in tx: borrowing Transaction) throws -> [ClinicID: RoleBook] {
        if clinics.isEmpty { return [:] }
        let rows = try tx.rows(
            "select id, clinic_id, permissions from roles where clinic_id = any(\(clinics)) and deleted_at is null"
        )
        let roles = try rows.map {
            RolePolicy(id: try $0[0], clinicId: try $0[1], permissions: try decode(try $0[2]))
        }
        return Dictionary(grouping: roles, by: \.clinicId).mapValues { RoleBook($0) }
    }

    private static func encode(_ permissions: [PermissionReach]) throws -> JSONColumn {
        JSONColumn(try JSONWriter.encode(permissions))
    }

    private static func decode(_ column: JSONColumn) throws -> [PermissionReach] {
        try JSONTape(column.json).decode([PermissionReach].self)
    }

    private static func decode(_ row: Row) throws -> StoredRole {
        StoredRole(
            id: try row[1],
            clinic: try row[0],
            name: try row[2],
            description: try row[3],
            permissions: try decode(try row[4]),
            createdAt: try row[5],
            updatedAt: try row[6],
            version: try row[7]
        )
    }
}

extension RolePermission {
    /// How clients see a permission with its reach.
    init(_ held: PermissionReach) {
        self.init(permission: held.permission.name, scope: PermissionScope(held.scope))
    }
}

extension PermissionScope {
    /// The wire's word for a reach.
    init(_ reach: ScopeRule) {
        self =
            switch reach {
            case .own: .own
            case .treated: .treated
            case .locations: .locations
            case .clinic: .clinic
            }
    }

    /// The reach of the wire's word.
    var reach: ScopeRule {
        switch self {
        case .own: .own
        case .treated: .treated
        case .locations: .locations
        case .clinic: .clinic
        }
    }
}
