import AccessAPI
import AppointmentsAPI
import BillingAPI
import Contracts
import Core
import Jobs
import Outbox
import Postgres
import ProviderConfig

/// Takes in other services' events: keeps what messages need to say, and leaves a job for each notice.
struct EventIntake: Sendable {
    private static let handler = "communication"

    let database: Database
    let dataKeys: DataKeyStore
    let wake: WakeSignal

    /// The calendar's events.
    func calendar(_ event: EventEnvelope) async throws {
        try await take(event) { tx in
            switch event.name {
            case PatientChanged.kind:
                let change = try event.decode(PatientChanged.self)
                let sealer = try dataKeys.sealer(for: event.clinicId, in: tx)
                try ProjectionStore.keep(
                    change.patient,
                    deleted: change.deleted,
                    version: event.aggregateVersion,
                    sealer: sealer,
                    in: tx
                )
            case DoctorChanged.kind:
                ProjectionStore.keep(
                    try event.decode(DoctorChanged.self).doctor,
                    version: event.aggregateVersion,
                    in: tx
                )
            case ServiceChanged.kind:
                ProjectionStore.keep(
                    try event.decode(ServiceChanged.self).service,
                    version: event.aggregateVersion,
                    in: tx
                )
            case AppointmentBooked.kind:
                let visit = try event.decode(AppointmentBooked.self).appointment
                try notify(
                    event,
                    .visit(VisitNotice(visit, template: BuiltInTemplates.appointmentConfirmation)),
                    in: tx
                )
            case AppointmentCancelled.kind:
                let visit = try event.decode(AppointmentCancelled.self).appointment
                try notify(
                    event,
                    .visit(VisitNotice(visit, template: BuiltInTemplates.appointmentCancellation)),
                    in: tx
                )
            default: break
            }
        }
    }

    /// The clinics' own description of themselves.
    func access(_ event: EventEnvelope) async throws {
        guard event.name == ClinicChanged.kind else { return }
        try await take(event) { tx in
            ProjectionStore.keep(try event.decode(ClinicChanged.self).clinic, version: event.aggregateVersion, in: tx)
        }
    }

    /// Payments.
    func billing(_ event: EventEnvelope) async throws {
        guard event.name == InvoicePaid.kind else { return }
        try await take(event) { tx in
            try notify(event, .receipt(ReceiptNotice(try event.decode(InvoicePaid.self).invoice)), in: tx)
        }
    }

    private func take(
        _ event: EventEnvelope,
        _ effect: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async throws {
        try await database.transaction(for: Tenant(event.clinicId, actor: event.actor), lane: .background) { tx in
            guard try Inbox.once(event, handler: Self.handler, in: tx) else { return }
            try effect(tx)
        }
        wake.signal()
    }

    /// A notice follows from news only, and from none that a later version has overtaken.
    private func notify(_ event: EventEnvelope, _ notice: Notice, in tx: borrowing Transaction) throws {
        guard try Inbox.newer(event, handler: Self.handler, in: tx), event.notify else { return }
        try Jobs.enqueue(NoticeJob.self, payload: notice, in: tx)
    }
}
