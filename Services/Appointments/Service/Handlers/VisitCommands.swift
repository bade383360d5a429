import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// What patients ask for by a reply: done with the visit that is meant, and what came of it is told.
struct VisitCommands: Sendable {
    /// For how long an offered time can be chosen.
    static let choiceTime: Duration = .seconds(86_400)
    private static let actor = "system:appointments"

    let zones: ZoneCatalog

    var consumer: ServiceDefinition.Consumer {
        .init(of: .communication, [InboundMessageReceived.self]) { event, tx in
            try take(event.decode(InboundMessageReceived.self), at: .now(), in: tx)
        }
    }

    /// What came of a reply.
    private struct Outcome {
        var result: VisitCommandResult
        var visit: Appointment?
        var offers: [OfferedTime] = []
    }

    private func take(_ heard: InboundMessageReceived, at now: Instant, in tx: borrowing Transaction) throws {
        guard heard.command != nil || heard.choice != nil else { return }
        guard let clinic = tx.tenant?.clinic else { throw OutboxError.noClinic }
        let offer = try OfferStore.find(heard.conversationId, of: clinic, at: now, in: tx)
        guard
            let reply = VisitReply(
                command: heard.command,
                choice: heard.choice,
                offered: offer?.starts ?? [],
                isAboutVisit: heard.appointmentId != nil,
                isAboutAnother: heard.appointmentId != nil && heard.appointmentId != offer?.appointment
            )
        else { return }
        let changes = VisitChanges(zones: zones, clinic: clinic, actor: Self.actor, now: now, command: heard.id)
        let outcome =
            switch try meant(reply, offer, heard, changes, in: tx) {
            case .none: Outcome(result: .noVisit)
            case .several: Outcome(result: .severalVisits)
            case .visit(let id): try fulfil(reply, id, heard.conversationId, changes, in: tx)
            }
        try Outbox.append(
            VisitCommandAnswered(
                commandId: heard.id,
                conversationId: heard.conversationId,
                result: outcome.result,
                appointment: outcome.visit.map(AppointmentState.init),
                offers: outcome.offers
            ),
            aggregate: heard.id.description,
            version: 1,
            actor: Self.actor,
            in: tx
        )
    }

    // MARK: - Which visit

    private enum Meant {
        case visit(AppointmentID)
        case several
        case none
    }

    /// The visit that the message before was about, else the only one to come; of the sender's own alone.
    private func meant(
        _ reply: VisitReply,
        _ offer: OfferStore.Offer?,
        _ heard: InboundMessageReceived,
        _ changes: VisitChanges,
        in tx: borrowing Transaction
    ) throws -> Meant {
        let patients = heard.patientIds ?? []
        if let named = reply.isAboutOffer ? offer?.appointment : heard.appointmentId,
            let visit = try AppointmentStore.find(named, of: changes.clinic, in: tx)?.value,
            patients.contains(visit.patientId)
        {
            return .visit(named)
        }
        if reply.isAboutOffer { return .none }
        let coming = try AppointmentStore.upcoming(
            of: patients,
            clinic: changes.clinic,
            after: changes.now,
            count: 2,
            in: tx
        )
        guard let only = coming.first else { return .none }
        return coming.count == 1 ? .visit(only.id) : .several
    }

    // MARK: - What is done

    private func fulfil(
        _ reply: VisitReply,
        _ id: AppointmentID,
        _ conversation: ConversationID,
        _ changes: VisitChanges,
        in tx: borrowing Transaction
    ) throws -> Outcome {
        guard let visit = try changes.held(id, in: tx) else { return Outcome(result: .noVisit) }
        if let refusal = reply.move.refusal(of: visit.value, at: changes.now) {
            OfferStore.withdraw(conversation, about: id, of: changes.clinic, in: tx)
            return Outcome(result: refusal.result, visit: visit.value)
        }
        switch reply {
        case .reschedule, .offerAgain: return try offer(.offered, visit.value, conversation, changes, in: tx)
        case .choose(let start):
            // Offered times can be chosen for longer than the first of them lie ahead.
            guard start > changes.now else { return try offer(.taken, visit.value, conversation, changes, in: tx) }
            do {
                let moved = try changes.reschedule(visit, to: start, isConfirmed: true, in: tx)
                return try close(.rescheduled, moved, since: visit, conversation, changes, in: tx)
            } catch let problem as Problem where ["slot_taken", "outside_hours"].contains(problem.code) {
                return try offer(.taken, visit.value, conversation, changes, in: tx)
            }
        case .keep: return try close(.kept, visit, since: visit, conversation, changes, in: tx)
        case .confirm:
            let confirmed = try changes.confirm(visit, in: tx)
            return try close(.confirmed, confirmed, since: visit, conversation, changes, in: tx)
        case .cancel:
            let cancelled = try changes.cancel(visit, reason: nil, in: tx)
            return try close(.cancelled, cancelled, since: visit, conversation, changes, in: tx)
        }
    }

    private func offer(
        _ result: VisitCommandResult,
        _ visit: Appointment,
        _ conversation: ConversationID,
        _ changes: VisitChanges,
        in tx: borrowing Transaction
    ) throws -> Outcome {
        let times = try changes.offers(for: visit, in: tx)
        guard !times.isEmpty else {
            OfferStore.withdraw(conversation, about: visit.id, of: changes.clinic, in: tx)
            return Outcome(result: .noneFree, visit: visit)
        }
        OfferStore.keep(
            OfferStore.Offer(appointment: visit.id, starts: times.map(\.start)),
            in: conversation,
            of: changes.clinic,
            until: changes.now + Self.choiceTime,
            in: tx
        )
        return Outcome(result: result, visit: visit, offers: times)
    }

    /// What was offered for the visit does not hold any more; what was changed is in the audit log.
    private func close(
        _ result: VisitCommandResult,
        _ visit: Versioned<Appointment>,
        since former: Versioned<Appointment>,
        _ conversation: ConversationID,
        _ changes: VisitChanges,
        in tx: borrowing Transaction
    ) throws -> Outcome {
        OfferStore.withdraw(conversation, about: visit.value.id, of: changes.clinic, in: tx)
        if visit.version != former.version {
            let isGone = visit.value.status == .cancelled
            let permission =
                isGone ? AppointmentsPermissions.deleteAppointments : AppointmentsPermissions.updateAppointments
            let entry = AuditRecord(
                at: changes.now,
                clinicId: changes.clinic,
                actor: AuditRecord.Actor(.system("appointments")),
                action: permission.name,
                resource: .init(type: "appointments", id: visit.value.id.description),
                patientId: visit.value.patientId,
                outcome: .succeeded,
                reason: "patient_reply",
                requestId: RequestID(),
                source: .init(address: "", userAgent: "")
            )
            try Outbox.appendAudit(entry, in: tx)
        }
        return Outcome(result: result, visit: visit.value)
    }
}

extension VisitRefusal {
    /// How it is told to who asked by a reply.
    fileprivate var result: VisitCommandResult {
        switch self {
        case .cancelled: .alreadyCancelled
        case .begun: .tooLate
        case .notApproved: .notApproved
        }
    }
}
