import Access
import Appointments
import Billing
import Communication
import Core
import Postgres

/// The whole history of every service's schema.
enum SchemaCatalog {
    static var all: [MigrationSet] {
        AccessService.migrations + CommunicationService.migrations + AppointmentsService.migrations
            + BillingService.migrations
    }
}
