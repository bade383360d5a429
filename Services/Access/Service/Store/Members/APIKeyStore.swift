import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// An API key with the version of its row.
struct StoredAPIKey: Sendable {
    var id: APIKeyID
    var clinic: ClinicID
    var name: String
    var prefix: String
    var secretHash: [UInt8]
    var formerHash: [UInt8]?
    var formerUntil: Instant?
    var role: RoleGrant
    var createdBy: UserID
    var createdAt: Instant
    var expiresAt: Instant
    var rotatedAt: Instant?
    var lastUsedAt: Instant?
    var revokedAt: Instant?
    var version: Int64 = 1

    /// How clients see it; with the key itself only where it was just made.
    func key(showing secret: Secret? = nil) -> APIKey {
        APIKey(
            id: id,
            clinicId: clinic,
            name: name,
            prefix: prefix,
            role: role.role.text,
            locationIds: role.locationIds,
            createdBy: createdBy,
            createdAt: createdAt,
            expiresAt: expiresAt,
            rotatedAt: rotatedAt,
            lastUsedAt: lastUsedAt,
            key: secret?.unredacted
        )
    }

    /// What processes are told.
    var policy: APIKeyGrant {
        var secrets = [APIKeyGrant.Secret(hash: secretHash.hex)]
        if let formerHash { secrets.append(APIKeyGrant.Secret(hash: formerHash.hex, until: formerUntil)) }
        return APIKeyGrant(
            id: id,
            clinicId: clinic,
            prefix: prefix,
            secrets: secrets,
            role: role,
            expiresAt: expiresAt,
            active: revokedAt == nil
        )
    }
}

/// The table `api_keys`.
enum APIKeyStore {
    private static let columns: Query = """
        clinic_id, id, name, prefix, secret_hash, former_hash, former_until, role, created_by, created_at, expires_at,
        rotated_at, last_used_at, revoked_at, version
        """

    static func insert(_ key: StoredAPIKey, policyVersion: Int64, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            insert into api_keys (clinic_id, id, name, prefix, secret_hash, role, created_by, created_at, expires_at,
                policy_version)
            values (\(key.clinic), \(key.id), \(key.name), \(key.prefix), \(key.secretHash), \(try encode(key.role)),
                \(key.createdBy), \(key.createdAt), \(key.expiresAt), \(policyVersion))
            """
        )
    }

    /// A key that is not revoked, kept from changing until the end of the transaction.
    static func find(
        _ id: APIKeyID,
        of clinic: ClinicID,
        forUpdate: Bool = true,
        in tx: borrowing Transaction
    ) throws -> StoredAPIKey? {
        let rows = try tx.rows(
            """
            select \(columns) from api_keys where clinic_id = \(clinic) and id = \(id) and revoked_at is null\
            \(forUpdate ? " for update" : "" as Query)
            """
        )
        return try rows.first.map(decode)
    }

    static func update(_ key: StoredAPIKey, policyVersion: Int64, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            """
            update api_keys set secret_hash = \(key.secretHash), former_hash = \(key.formerHash),
                former_until = \(key.formerUntil), expires_at = \(key.expiresAt), rotated_at = \(key.rotatedAt),
                revoked_at = \(key.revokedAt), policy_version = \(policyVersion), version = version + 1
            where clinic_id = \(key.clinic) and id = \(key.id)
            returning version
            """
        )
        guard let row = rows.first else { throw StoreError.missing }
        return try row[0]
    }

    /// Keys that are not revoked, in the order of their ids.
    static func list(
        of clinic: ClinicID,
        order: TimeOrder,
        after: APIKeyID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredAPIKey] {
        var query: Query = "select \(columns) from api_keys where clinic_id = \(clinic) and revoked_at is null"
        query += order.page(of: "id", behind: after, limit: limit)
        return try tx.rows(query).map(decode)
    }

    /// How many keys of the clinic open something.
    static func count(of clinic: ClinicID, at now: Instant, in tx: borrowing Transaction) throws -> Int64 {
        let rows = try tx.rows(
            """
            select count(*) from api_keys
            where clinic_id = \(clinic) and revoked_at is null and expires_at > \(now)
            """
        )
        return try rows.first.map { try $0[0] } ?? 0
    }

    /// Whether a key that may come to be used again has the role.
    static func anyHas(_ role: RoleID, in clinic: ClinicID, tx: borrowing Transaction) throws -> Bool {
        try any(of: clinic, JSONColumn(Array(#"{"role":"\#(role)"}"#.utf8)), tx: tx)
    }

    /// Whether a key is limited to the location.
    static func isLimitedTo(_ location: LocationID, in clinic: ClinicID, tx: borrowing Transaction) throws -> Bool {
        try any(of: clinic, JSONColumn(Array(#"{"locationIds":["\#(location)"]}"#.utf8)), tx: tx)
    }

    private static func any(of clinic: ClinicID, _ pattern: JSONColumn, tx: borrowing Transaction) throws -> Bool {
        let rows = try tx.rows(
            """
            select exists (select from api_keys
                where clinic_id = \(clinic) and revoked_at is null and role @> \(pattern))
            """
        )
        return try rows.first.map { try $0[0] } ?? false
    }

    /// What processes are told of keys, revoked ones too.
    ///
    /// Through the installation's door.
    static func policies(_ ids: [APIKeyID], in tx: borrowing Transaction) throws -> [APIKeyGrant] {
        if ids.isEmpty { return [] }
        return try tx.rows("select \(columns) from api_keys where id = any(\(ids))").map { try decode($0).policy }
    }

    /// Notes when keys were last used; an older moment than the known one changes nothing.
    ///
    /// Through the installation's door.
    static func note(_ uses: [KeyUseReport.Use], in tx: borrowing Transaction) {
        tx.execute(
            """
            update api_keys as k set last_used_at = u.at
            from unnest(\(uses.map(\.key))::uuid[], \(uses.map(\.at))::timestamptz[]) as u (id, at)
            where k.id = u.id and (k.last_used_at is null or k.last_used_at < u.at)
            """
        )
    }

    private static func encode(_ role: RoleGrant) throws -> JSONColumn { JSONColumn(try JSONWriter.encode(role)) }

    private static func decode(_ row: Row) throws -> StoredAPIKey {
        let role: JSONColumn = try row[7]
        return StoredAPIKey(
            id: try row[1],
            clinic: try row[0],
            name: try row[2],
            prefix: try row[3],
            secretHash: try row[4],
            formerHash: try row[5],
            formerUntil: try row[6],
            role: try JSONTape(role.json).decode(RoleGrant.self),
            createdBy: try row[8],
            createdAt: try row[9],
            expiresAt: try row[10],
            rotatedAt: try row[11],
            lastUsedAt: try row[12],
            revokedAt: try row[13],
            version: try row[14]
        )
    }
}
