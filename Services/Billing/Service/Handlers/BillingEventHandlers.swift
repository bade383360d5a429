import AccessAPI
import AppointmentsAPI
import Contracts
import Core
import Outbox
import Postgres

/// What billing makes of the calendar's events: an invoice per visit.
struct AppointmentsEventHandlers: Sendable {
    let database: Database

    func take(_ event: EventEnvelope) async throws {
        switch event.name {
        case AppointmentBooked.kind: try await take(event, event.decode(AppointmentBooked.self).appointment)
        case AppointmentChanged.kind: try await take(event, event.decode(AppointmentChanged.self).appointment)
        case AppointmentCancelled.kind: try await take(event, event.decode(AppointmentCancelled.self).appointment)
        case ServiceChanged.kind:
            let service = try event.decode(ServiceChanged.self).service
            try await database.once(event) { tx in
                try ProjectionStore.keep(visitType: service.id, name: service.name, in: tx)
            }
        default: return
        }
    }

    private func take(_ event: EventEnvelope, _ visit: AppointmentState) async throws {
        try await database.once(event) { tx in
            if visit.status == .cancelled {
                try Invoicing.void(for: visit, at: .now(), in: tx)
            } else {
                try Invoicing.open(for: visit, at: .now(), in: tx)
            }
        }
    }
}

/// What billing makes of access's events: in which zone a clinic's year begins.
struct AccessEventHandlers: Sendable {
    let database: Database

    func take(_ event: EventEnvelope) async throws {
        guard event.name == ClinicChanged.kind else { return }
        let clinic = try event.decode(ClinicChanged.self).clinic
        try await database.once(event) { tx in try ProjectionStore.keep(timeZone: clinic.timeZone, in: tx) }
    }
}

extension Database {
    /// Runs `effect` in the transaction that takes the event in, unless it, or a newer one of its aggregate, was before.
    func once(_ event: EventEnvelope, _ effect: @escaping @Sendable (borrowing Transaction) throws -> Void) async throws
    {
        let tenant = Tenant(event.clinicId, actor: Invoicing.actor)
        try await transaction(for: tenant, lane: .background) { tx in
            guard try Inbox.once(event, handler: "billing", in: tx), try Inbox.newer(event, handler: "billing", in: tx)
            else { return }
            try effect(tx)
        }
    }
}
