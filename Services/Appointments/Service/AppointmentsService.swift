import AppointmentsAPI
import Contracts
package import Core
import Outbox
package import Postgres
package import ServiceHost
package import Settings

/// The calendar: doctors, patients, visit types, opening hours, visits.
package enum AppointmentsService {
    package static let name = ServiceName.appointments

    /// The whole history of its schema.
    package static var migrations: [MigrationSet] {
        HostMigrations.all(
            of: name,
            own: [
                ("0001_create_calendar.sql", PackageResources._001_create_calendar_sql),
                ("0002_find_taken_time.sql", PackageResources._002_find_taken_time_sql),
            ]
        )
    }

    /// Runs until SIGTERM or SIGINT; what has begun is finished first.
    package static func run(settings: Settings = .load()) async throws {
        try await ServiceProcess(name, settings: settings) { try definition($0) }.run()
    }

    /// What the service is made of.
    package static func definition(_ host: HostResources) throws -> ServiceDefinition {
        var definition = ServiceDefinition(
            name,
            endpoints: AppointmentsEndpoints().all,
            handlers: handlers(cursors: host.cursors)
        )
        definition.consumers = [AccessEvents.consumer]
        definition.resend = { tx in try Resending.all(tx) }
        return definition
    }

    /// One handler for each operation.
    package static func handlers(cursors: CursorSeal) -> HandlerTable {
        let zones = ZoneCatalog()
        var table = HandlerTable()
        DoctorHandlers(cursors: cursors).register(in: &table)
        PatientHandlers(cursors: cursors).register(in: &table)
        VisitServiceHandlers(cursors: cursors).register(in: &table)
        AvailabilityHandlers(zones: zones).register(in: &table)
        BookingHandlers(cursors: cursors, zones: zones).register(in: &table)
        return table
    }
}

/// Tells every aggregate's present state again, for projections that are built anew; nobody is notified.
enum Resending {
    private static let actor = "system:resend"

    @Sendable static func all(_ tx: borrowing Transaction) throws {
        guard let clinic = tx.tenant?.clinic else { throw OutboxError.noClinic }
        // Those removed first: who forgot that they are must not keep what they held, such as somebody's account.
        for deleted in [true, false] {
            for doctor in try DoctorStore.all(of: clinic, removed: deleted, in: tx) {
                let state = DoctorChanged(doctor: doctor.value, deleted: deleted)
                try send(state, "\(doctor.value.id)", doctor.version, tx)
            }
            for patient in try PatientStore.all(of: clinic, removed: deleted, in: tx) {
                let state = PatientChanged(patient: patient.value, deleted: deleted)
                try send(state, "\(patient.value.id)", patient.version, tx)
            }
            for service in try VisitServiceStore.all(of: clinic, removed: deleted, in: tx) {
                let state = ServiceChanged(service: service.value, deleted: deleted)
                try send(state, "\(service.value.id)", service.version, tx)
            }
        }
        for visit in try AppointmentStore.all(of: clinic, in: tx) {
            let state = AppointmentState(visit.value)
            try send(AppointmentChanged(appointment: state), "\(state.id)", visit.version, tx)
        }
    }

    private static func send(
        _ payload: some EventPayload,
        _ aggregate: String,
        _ version: Int64,
        _ tx: borrowing Transaction
    ) throws {
        try Outbox.append(payload, aggregate: aggregate, version: version, actor: actor, notify: false, in: tx)
    }
}
