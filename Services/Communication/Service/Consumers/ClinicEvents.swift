import AccessAPI
import AppointmentsAPI
import BillingAPI
import Bus
import CommunicationAPI
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
                    AppointmentChanged.self, AppointmentConfirmed.self, AppointmentRescheduled.self,
                    AppointmentCancelled.self, VisitCommandAnswered.self,
                ]
            ) { event, tx in
                switch event.name {
                case PatientChanged.kind, DoctorChanged.kind, ServiceChanged.kind: try calendar(event, in: tx)
                default: try visit(event, in: tx)
                }
            },
            .init(
                of: .access,
                [ClinicChanged.self, LocationChanged.self, UserChanged.self, NoticeRequested.self]
            ) { try access($0, in: $1) },
            .init(
                of: .billing,
                [
                    InvoiceOpened.self, InvoicePaid.self, InvoiceVoided.self, InvoiceChanged.self,
                    PaymentChanged.self, PaymentSucceeded.self, PaymentFrozen.self,
                ]
            ) { try billing($0, in: $1) },
        ]
    }

    private func access(_ event: EventEnvelope, in tx: borrowing Transaction) throws {
        switch event.name {
        case ClinicChanged.kind:
            let clinic = try event.decode(ClinicChanged.self).clinic
            let zone = try ProjectionStore.clinicTimeZone(in: tx)
            ProjectionStore.keep(clinic, version: event.aggregateVersion, in: tx)
            guard let zone, try ProjectionStore.clinicTimeZone(in: tx) != zone else { return }
            try WakeMessagesJob.leave(afterChangeAt: .now(), in: tx)
        case LocationChanged.kind:
            let change = try event.decode(LocationChanged.self)
            ProjectionStore.keep(
                change.location,
                deleted: change.deleted,
                version: event.aggregateVersion,
                in: tx
            )
        case UserChanged.kind:
            let change = try event.decode(UserChanged.self)
            // Their phone shows the patient's notices no longer; whoever is still there registers at the next start.
            let left = try AccountPreferenceStore.patientLeft(by: change, version: event.aggregateVersion, in: tx)
            if let left { ContactDeviceStore.remove(of: left.retagged(), in: tx) }
            let patients = Array(Set([left, change.user.patientId].compactMap(\.self)))
            let former = try patients.map { try AccountPreferenceStore.find(of: $0, in: tx) }
            try AccountPreferenceStore.keep(change, version: event.aggregateVersion, in: tx)
            for (patient, choice) in zip(patients, former) {
                guard try AccountPreferenceStore.find(of: patient, in: tx) != choice else { continue }
                try WakeMessagesJob.leave(for: patient.retagged(), afterChangeAt: .now(), in: tx)
            }
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
        default: break
        }
    }

    private func visit(_ event: EventEnvelope, in tx: borrowing Transaction) throws {
        switch event.name {
        case AppointmentBooked.kind:
            let visit = try event.decode(AppointmentBooked.self).appointment
            try keep(visit, of: event, isNew: true, in: tx)
            let notice = VisitNotice(visit, template: BuiltInTemplates.appointmentConfirmation)
            try notify(event, .visit(notice), in: tx)
        case AppointmentChanged.kind:
            try keep(try event.decode(AppointmentChanged.self).appointment, of: event, in: tx)
        case AppointmentConfirmed.kind:
            // Whoever says that they will come need not be told so.
            try keep(try event.decode(AppointmentConfirmed.self).appointment, of: event, in: tx)
            try notify(event, nil, in: tx)
        case AppointmentRescheduled.kind:
            let change = try event.decode(AppointmentRescheduled.self)
            try keep(change.appointment, of: event, in: tx)
            let notice = VisitNotice(
                change.appointment,
                template: BuiltInTemplates.appointmentChange,
                formerLocalStart: change.formerLocalStart
            )
            try notify(event, change.commandId == nil ? .visit(notice) : nil, in: tx)
        case AppointmentCancelled.kind:
            let change = try event.decode(AppointmentCancelled.self)
            try keep(change.appointment, of: event, in: tx)
            let notice = VisitNotice(change.appointment, template: BuiltInTemplates.appointmentCancellation)
            try notify(event, change.commandId == nil ? .visit(notice) : nil, in: tx)
        case VisitCommandAnswered.kind:
            try notify(event, .answer(AnswerNotice(try event.decode(VisitCommandAnswered.self))), in: tx)
        default: break
        }
    }

    /// Keeps the visit as it stands now, calls back what waits to say when it was, and leaves what it is to be reminded of.
    ///
    /// - Parameter isNew: nothing can have been said of it before.
    private func keep(
        _ visit: AppointmentState,
        of event: EventEnvelope,
        isNew: Bool = false,
        in tx: borrowing Transaction
    ) throws {
        let former = try isNew ? nil : VisitStore.lock(visit.id, in: tx)
        guard try VisitStore.keep(visit, version: event.aggregateVersion, in: tx) else { return }
        let now = Instant.now()
        let standing = VisitStanding(isCancelled: visit.status == .cancelled, start: visit.start)
        if VisitNews.isChange(from: former, to: standing) {
            let about = VisitNotice.reference(of: visit.id)
            try MessageStore.withdraw(VisitNews.timely, about: about, because: VisitNews.changed, at: now, in: tx)
        }
        try ReminderNotice.leave(for: visit, at: now, in: tx)
    }

    private func billing(_ event: EventEnvelope, in tx: borrowing Transaction) throws {
        switch event.name {
        case InvoiceOpened.kind:
            let invoice = try event.decode(InvoiceOpened.self).invoice
            ProjectionStore.keep(number: invoice.number, of: invoice.id, in: tx)
            try notify(event, .invoice(InvoiceNotice(invoice, template: BuiltInTemplates.invoice)), in: tx)
        case InvoicePaid.kind:
            let invoice = try event.decode(InvoicePaid.self).invoice
            ProjectionStore.keep(number: invoice.number, of: invoice.id, in: tx)
            // What has arrived is told of each payment: one alone need not have paid it all.
            try notify(event, nil, in: tx)
        case InvoiceVoided.kind: try notify(event, nil, in: tx)
        case InvoiceChanged.kind:
            let invoice = try event.decode(InvoiceChanged.self).invoice
            ProjectionStore.keep(number: invoice.number, of: invoice.id, in: tx)
        case PaymentChanged.kind:
            let payment = try event.decode(PaymentChanged.self).payment
            let notice = payment.status == .failed ? InvoiceNotice(payment, BuiltInTemplates.paymentFailed) : nil
            try notify(event, notice.map { .invoice($0) }, in: tx)
        case PaymentSucceeded.kind:
            let payment = try event.decode(PaymentSucceeded.self).payment
            try notify(event, .invoice(InvoiceNotice(payment, BuiltInTemplates.paymentReceived)), in: tx)
        case PaymentFrozen.kind:
            let payment = try event.decode(PaymentFrozen.self).payment
            guard try isNews(event, in: tx) else { return }
            let subject = "\(payment.provider), payment \(payment.id)"
            try AlertStore.raise(.paymentFrozen, about: subject, at: .now(), in: tx)
        default: break
        }
    }

    /// A notice follows from news only.
    private func notify(_ event: EventEnvelope, _ notice: Notice?, in tx: borrowing Transaction) throws {
        guard try isNews(event, in: tx), let notice else { return }
        try Jobs.enqueue(NoticeJob.self, payload: notice, in: tx)
    }

    /// Whether something has happened that no later version has overtaken.
    private func isNews(_ event: EventEnvelope, in tx: borrowing Transaction) throws -> Bool {
        try Inbox.newer(event, handler: Self.handler, in: tx) && event.notify
    }
}
