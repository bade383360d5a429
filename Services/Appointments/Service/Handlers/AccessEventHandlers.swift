import AccessAPI
import Contracts
import Core
import Outbox
import Postgres

/// Keeps what access tells of clinics and locations.
struct AccessEventHandlers: Sendable {
    /// The name these effects are noted under in the inbox.
    static let handler = "places"

    let database: Database

    func take(_ event: EventEnvelope) async throws {
        switch event.name {
        case ClinicChanged.kind:
            let payload = try event.decode(ClinicChanged.self)
            try await once(event) { tx in ClinicStore.keep(payload.clinic, version: event.aggregateVersion, in: tx) }
        case LocationChanged.kind:
            let payload = try event.decode(LocationChanged.self)
            try await once(event) { tx in
                ClinicStore.keep(
                    payload.location,
                    deleted: payload.deleted,
                    version: event.aggregateVersion,
                    in: tx
                )
            }
        default: break
        }
    }

    private func once(
        _ event: EventEnvelope,
        _ effect: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async throws {
        let tenant = Tenant(event.clinicId, actor: "system:\(Self.handler)")
        try await database.transaction(for: tenant, lane: .background) { tx in
            guard try Inbox.once(event, handler: Self.handler, in: tx) else { return }
            try effect(tx)
        }
    }
}
