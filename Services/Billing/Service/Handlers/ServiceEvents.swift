import AccessAPI
import AppointmentsAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// What billing makes of the calendar's events: an invoice per visit.
enum AppointmentsEvents {
    static let consumer = ServiceDefinition.Consumer(
        of: .appointments,
        [AppointmentBooked.self, AppointmentChanged.self, AppointmentCancelled.self, ServiceChanged.self]
    ) { try take($0, in: $1) }

    private static func take(_ event: EventEnvelope, in tx: borrowing Transaction) throws {
        guard try Inbox.newer(event, handler: "billing", in: tx) else { return }
        switch event.name {
        case AppointmentBooked.kind: try settle(event.decode(AppointmentBooked.self).appointment, in: tx)
        case AppointmentChanged.kind: try settle(event.decode(AppointmentChanged.self).appointment, in: tx)
        case AppointmentCancelled.kind: try settle(event.decode(AppointmentCancelled.self).appointment, in: tx)
        case ServiceChanged.kind:
            let service = try event.decode(ServiceChanged.self).service
            try ProjectionStore.keep(visitType: service.id, name: service.name, in: tx)
        default: break
        }
    }

    private static func settle(_ visit: AppointmentState, in tx: borrowing Transaction) throws {
        if visit.status == .cancelled {
            try Invoicing.void(for: visit, at: .now(), in: tx)
        } else {
            try Invoicing.open(for: visit, at: .now(), in: tx)
        }
    }
}

/// What billing makes of access's events: in which zone a clinic's year begins.
enum AccessEvents {
    static let consumer = ServiceDefinition.Consumer(of: .access, [ClinicChanged.self]) { event, tx in
        guard try Inbox.newer(event, handler: "billing", in: tx) else { return }
        try ProjectionStore.keep(timeZone: event.decode(ClinicChanged.self).clinic.timeZone, in: tx)
    }
}
