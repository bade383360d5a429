import AppointmentsAPI
package import Core
package import Outbound
package import Postgres
package import ProviderConfig
package import ServiceHost
package import Settings
package import Vault

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
                ("0003_change_visits.sql", PackageResources._003_change_visits_sql),
                ("0004_sort_patients.sql", PackageResources._004_sort_patients_sql),
            ]
        )
    }

    /// Runs until SIGTERM or SIGINT; what has begun is finished first.
    ///
    /// Settings beside the host's: `POLYCLINIC_OUTBOUND_ALLOW`, where video providers may be reached.
    package static func run(settings: Settings = .load()) async throws {
        try await ServiceProcess(name, settings: settings) { try definition($0) }.run()
    }

    /// What the service is made of.
    package static func definition(_ host: HostResources) throws -> ServiceDefinition {
        var definition = ServiceDefinition(
            name,
            endpoints: AppointmentsEndpoints().all,
            handlers: handlers(
                cursors: host.cursors,
                configurations: configurations(host.dataKeys, host.blindIndex),
                policy: try OutboundPolicy(allow: try host.settings.string("POLYCLINIC_OUTBOUND_ALLOW"))
            )
        )
        definition.consumers = [AccessEvents.consumer, VisitCommands(zones: ZoneCatalog()).consumer]
        definition.resends = Resending.lists
        return definition
    }

    /// One handler for each operation.
    package static func handlers(
        cursors: CursorSeal,
        configurations: ProviderConfigStore,
        policy: OutboundPolicy
    ) -> HandlerTable {
        let zones = ZoneCatalog()
        var table = HandlerTable()
        DoctorHandlers(cursors: cursors).register(in: &table)
        PatientHandlers(cursors: cursors).register(in: &table)
        VisitServiceHandlers(cursors: cursors).register(in: &table)
        AvailabilityHandlers(zones: zones).register(in: &table)
        BookingHandlers(cursors: cursors, zones: zones).register(in: &table)
        VisitHandlers(zones: zones).register(in: &table)
        VideoConfigurationHandlers(store: configurations, policy: policy).register(in: &table)
        return table
    }

    /// Where clinics' video providers are kept.
    package static func configurations(_ dataKeys: DataKeyStore, _ index: BlindIndex) -> ProviderConfigStore {
        ProviderConfigStore(dataKeys: dataKeys, index: index, shapes: VideoProviders.shapes)
    }
}
