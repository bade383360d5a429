import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// Keys that machines call with in a clinic's name.
struct APIKeyHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = APIKeyEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create) { try create($0, $1, $2) }
        table.read(endpoints.list) { try list($0, $1, $2) }
        table.read(endpoints.read) { try read($0, $1, $2) }
        table.change(endpoints.revoke) { try revoke($0, $1, $2) }
        table.change(endpoints.rotate) { try rotate($0, $1, $2) }
    }

    private func create(
        _ draft: APIKeyDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<APIKey> {
        let asked = AssignedRole(role: draft.role, locationIds: draft.locationIds)
        let role = try GrantRule.parse([asked]) { _ in "" }
        let expiresAt = try Self.expiry(draft.expiresAt, at: context.now)
        // Two that make a key at once must not pass the limit together.
        guard try ClinicStore.lock(context.clinic, in: tx) != nil else { throw Problem.notFound }
        try GrantCheck.check(role, context, pointer: { _ in "" }, in: tx)
        guard try APIKeyStore.count(of: context.clinic, at: context.now, in: tx) < APIKey.mostKeys else {
            throw Problem.conflict("too_many_api_keys", "The clinic has \(APIKey.mostKeys) API keys already.")
        }
        guard let role = role.first, let maker = context.principal.user else { throw Problem.internal }
        let secret = APIKeySecret()
        let key = StoredAPIKey(
            id: APIKeyID(at: context.now),
            clinic: context.clinic,
            name: draft.name,
            prefix: secret.prefix,
            secretHash: secret.hash,
            role: role,
            createdBy: maker,
            createdAt: context.now,
            expiresAt: expiresAt
        )
        try APIKeyStore.insert(key, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
        return Reply(
            key.key(showing: secret.text),
            version: 1,
            location: "/api/v1/clinics/\(context.clinic)/api-keys/\(key.id)",
            audit: AuditDetail(resource: key.id.description),
            replayed: key.key()
        )
    }

    private static func expiry(_ asked: Instant?, at now: Instant) throws(Problem) -> Instant {
        let day: Duration = .seconds(24 * 3_600)
        guard let asked else { return now + day * APIKey.usualLifetimeDays }
        if asked <= now { throw .invalid("/expiresAt", "has passed") }
        if asked > now + day * APIKey.longestLifetimeDays {
            throw .invalid("/expiresAt", "is more than \(APIKey.longestLifetimeDays) days ahead")
        }
        return asked
    }

    private func list(
        _ request: ClinicListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<APIKey>> {
        let order = request.sort ?? .oldestFirst
        let list = "api keys \(order.rawValue)"
        let after = try parts.cursors.open(request.cursor, list: list, clinic: context.clinic)?.first
            .flatMap(APIKeyID.init)
        let limit = request.limit ?? Page<APIKey>.usualLimit
        let found = try APIKeyStore.list(of: context.clinic, order: order, after: after, limit: limit + 1, in: tx)
        return Reply(
            Page(found.map { $0.key() }, limit: limit) {
                parts.cursors.seal([$0.id.description], list: list, clinic: context.clinic)
            }
        )
    }

    private func read(
        _ path: APIKeyPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<APIKey> {
        let key = try APIKeyStore.find(path.keyId, of: context.clinic, forUpdate: false, in: tx)
        guard let key else { throw Problem.notFound }
        return Reply(key.key(), version: key.version)
    }

    private func revoke(
        _ path: APIKeyPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        guard var key = try APIKeyStore.find(path.keyId, of: context.clinic, in: tx) else { throw Problem.notFound }
        try context.checkMatch(version: key.version)
        key.revokedAt = context.now
        _ = try APIKeyStore.update(key, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: key.id.description))
    }

    /// Whoever renews a secret sees it, so it is as if they were given what the key opens.
    private func rotate(
        _ rotation: APIKeyRotation,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<APIKey> {
        guard var key = try APIKeyStore.find(rotation.keyId, of: context.clinic, in: tx) else { throw Problem.notFound }
        try GrantCheck.check([key.role], context, pointer: { _ in "" }, in: tx)
        guard key.expiresAt > context.now else {
            throw Problem.conflict("api_key_expired", "The key has expired; make another one.")
        }
        let secret = APIKeySecret(prefix: key.prefix)
        let overlap: Duration = .seconds(rotation.overlapSeconds)
        (key.formerHash, key.formerUntil) = overlap > .zero ? (key.secretHash, context.now + overlap) : (nil, nil)
        key.secretHash = secret.hash
        // It lives as long again as it was made for.
        key.expiresAt = context.now + (key.expiresAt - (key.rotatedAt ?? key.createdAt))
        key.rotatedAt = context.now
        key.version = try APIKeyStore.update(key, policyVersion: try PolicyVersionStore.raise(in: tx), in: tx)
        return Reply(
            key.key(showing: secret.text),
            version: key.version,
            audit: AuditDetail(resource: key.id.description),
            replayed: key.key()
        )
    }
}
