import AccessAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// The places of a clinic.
struct LocationHandlers: Sendable {
    let parts: AccessParts
    private let endpoints = LocationEndpoints()

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create) { try create($0, $1, $2) }
        table.read(endpoints.list) { try list($0, $1, $2) }
        table.read(endpoints.read) { path, context, tx in
            let stored = try find(path.locationId, context, forUpdate: false, in: tx)
            return Reply(stored.location, version: stored.version)
        }
        table.change(endpoints.update) { try update($0, $1, $2) }
        table.change(endpoints.delete) { try delete($0, $1, $2) }
    }

    /// The event with a location's whole state.
    static func announce(
        _ stored: StoredLocation,
        by actor: String,
        deleted: Bool = false,
        notify: Bool = true,
        in tx: borrowing Transaction
    ) throws {
        try Outbox.append(
            LocationChanged(location: stored.location, deleted: deleted),
            aggregate: "location:\(stored.location.id)",
            version: stored.version,
            actor: actor,
            notify: notify,
            in: tx
        )
    }

    /// The location, unless it lies outside the caller's reach.
    private func find(
        _ id: LocationID,
        _ context: OperationContext,
        forUpdate: Bool = true,
        in tx: borrowing Transaction
    ) throws -> StoredLocation {
        if case .locations(let reach) = context.scope, !reach.contains(id) { throw Problem.notFound }
        let stored = try LocationStore.find(id, of: context.clinic, forUpdate: forUpdate, in: tx)
        guard let stored else { throw Problem.notFound }
        return stored
    }

    private func create(
        _ draft: LocationDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Location> {
        guard let clinic = try ClinicStore.find(context.clinic, in: tx) else { throw Problem.notFound }
        let location = Location(
            id: LocationID(at: context.now),
            clinicId: context.clinic,
            name: draft.name,
            timeZone: draft.timeZone ?? clinic.clinic.timeZone,
            address: draft.address,
            phone: draft.phone,
            createdAt: context.now,
            updatedAt: context.now
        )
        try Self.check(location)
        try LocationStore.insert(location, in: tx)
        try Self.announce(StoredLocation(location: location, version: 1), by: context.actor, in: tx)
        return Reply(
            location,
            version: 1,
            location: "/api/v1/clinics/\(context.clinic)/locations/\(location.id)",
            audit: AuditDetail(resource: location.id.description)
        )
    }

    private func list(
        _ request: ClinicListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<Location>> {
        let order = request.sort ?? .oldestFirst
        let list = "locations \(order.rawValue)"
        let after = try parts.cursors.open(request.cursor, list: list, clinic: context.clinic)?.first
            .flatMap(LocationID.init)
        let limit = request.limit ?? Page<Location>.usualLimit
        var only: [LocationID]?
        if case .locations(let reach) = context.scope { only = reach }
        let found = try LocationStore.list(
            of: context.clinic,
            only: only,
            order: order,
            after: after,
            limit: limit + 1,
            in: tx
        )
        return Reply(
            Page(found.map(\.location), limit: limit) {
                parts.cursors.seal([$0.id.description], list: list, clinic: context.clinic)
            }
        )
    }

    private func update(
        _ patch: LocationPatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Location> {
        var stored = try find(patch.locationId, context, in: tx)
        try context.checkMatch(version: stored.version)
        stored.location.name = patch.name ?? stored.location.name
        stored.location.timeZone = patch.timeZone ?? stored.location.timeZone
        stored.location.address = patch.address.applied(to: stored.location.address)
        stored.location.phone = patch.phone.applied(to: stored.location.phone)
        stored.location.updatedAt = context.now
        try Self.check(stored.location)
        stored.version = try LocationStore.update(stored.location, in: tx)
        try Self.announce(stored, by: context.actor, in: tx)
        return Reply(
            stored.location,
            version: stored.version,
            audit: AuditDetail(resource: stored.location.id.description)
        )
    }

    private func delete(
        _ path: LocationPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        var stored = try find(path.locationId, context, in: tx)
        try context.checkMatch(version: stored.version)
        if try MemberStore.isLimitedTo(path.locationId, in: context.clinic, tx: tx)
            || APIKeyStore.isLimitedTo(path.locationId, in: context.clinic, tx: tx)
        {
            throw Problem.conflict("location_in_use", "Somebody's role or an API key is limited to this location.")
        }
        stored.version = try LocationStore.remove(stored.location, at: context.now, in: tx)
        try Self.announce(stored, by: context.actor, deleted: true, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: path.locationId.description))
    }

    private static func check(_ location: Location) throws(Problem) {
        if !ClinicRule.isKnown(location.timeZone) { throw .invalid("/timeZone", "is not a known time zone") }
    }
}
