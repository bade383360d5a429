import AccessAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Keeps what access tells of clinics and locations, and ties records to those who have registered.
enum AccessEvents {
    static let consumer = ServiceDefinition.Consumer(
        of: .access,
        [ClinicChanged.self, LocationChanged.self, PatientRegistered.self]
    ) { try take($0, in: $1) }

    private static func take(_ event: EventEnvelope, in tx: borrowing Transaction) throws {
        switch event.name {
        case ClinicChanged.kind:
            let payload = try event.decode(ClinicChanged.self)
            ClinicStore.keep(payload.clinic, version: event.aggregateVersion, in: tx)
        case LocationChanged.kind:
            let payload = try event.decode(LocationChanged.self)
            ClinicStore.keep(payload.location, deleted: payload.deleted, version: event.aggregateVersion, in: tx)
        case PatientRegistered.kind:
            try PatientMatch.take(event.decode(PatientRegistered.self), at: .now(), in: tx)
        default: break
        }
    }
}
