import AccessAPI
import AppointmentsAPI
import BillingAPI
import Bus
import Contracts
import Core
import Jobs
import Outbox
import Postgres
import ProviderConfig
import ServiceHost

/// Takes in other services' events: keeps what messages need to say, and leaves a job for each notice.
struct ClinicEvents: Sendable {
    private static let handler = "communication"

    let dataKeys: DataKeyStore
    let index: AddressIndex
    /// Opens what access has sealed for us.
    let notices: EdgeSeal

    var consumers: [ServiceDefinition.Consumer] {
        [
            .init(
                of: .appointments,
                [
                    PatientChanged.self, DoctorChanged.self, ServiceChanged.self, AppointmentBooked.self,
                    AppointmentCancelled.self,
                ]
            ) { try calendar($0, in: $1) },
            .init(of: .access, [ClinicChanged.self, UserChanged.self, NoticeRequested.self]) { try access($0, in: $1) },
            .init(of: .billing, [InvoicePaid.self]) { event, tx in
                try notify(event, .receipt(ReceiptNotice(try event.decode(InvoicePaid.self).invoice)), in: tx)
            },
        ]
    }

    private func access(_ event: EventEnvelope, in tx: borrowing Transaction) throws {
        switch event.name {
        case ClinicChanged.kind:
            let clinic = try event.decode(ClinicChanged.self).clinic
            ProjectionStore.keep(clinic, version: event.aggregateVersion, in: tx)
        case UserChanged.kind:
            let change = try event.decode(UserChanged.self)
            try NoticeChoiceStore.keep(change, version: event.aggregateVersion, in: tx)
        case NoticeRequested.kind:
            let requested = try event.decode(NoticeRequested.self)
            guard requested.expiresAt > .now() else { return }
            let sealer = try dataKeys.sealer(for: event.clinicId, in: tx)
            let notice = try SecurityNotice(requested, clinic: event.clinicId, seal: notices, sealer: sealer)
            try Jobs.enqueue(NoticeJob.self, payload: .security(notice), lane: .critical, in: tx)
        default: break
        }
    }

    private func calendar(_ event: EventEnvelope, in tx: borrowing Transaction) throws {
        switch event.name {
        case PatientChanged.kind:
            let change = try event.decode(PatientChanged.self)
            let sealer = try dataKeys.sealer(for: event.clinicId, in: tx)
            let isNewest = try ProjectionStore.keep(
                change.patient,
                deleted: change.deleted,
                version: event.aggregateVersion,
                sealer: sealer,
                in: tx
            )
            guard isNewest else { return }
            ContactStore.keep(
                change.patient,
                deleted: change.deleted,
                index: index,
                clinic: event.clinicId,
                at: .now(),
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

    /// A notice follows from news only, and from none that a later version has overtaken.
    private func notify(_ event: EventEnvelope, _ notice: Notice, in tx: borrowing Transaction) throws {
        guard try Inbox.newer(event, handler: Self.handler, in: tx), event.notify else { return }
        try Jobs.enqueue(NoticeJob.self, payload: notice, in: tx)
    }
}
