import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// What is asked to be done with visits that are booked: confirmed, moved, called off.
struct VisitHandlers: Sendable {
    let endpoints = BookingEndpoints()
    let zones: ZoneCatalog

    func register(in table: inout HandlerTable) {
        table.change(endpoints.confirm, confirm)
        table.change(endpoints.reschedule, reschedule)
        table.change(endpoints.cancel, cancel)
    }

    @Sendable private func confirm(
        _ path: AppointmentPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Appointment> {
        let changes = changes(context)
        let visit = try changeable(path.id, .confirm, "not_confirmable", changes, context, tx)
        return reply(try changes.confirm(visit, in: tx))
    }

    @Sendable private func reschedule(
        _ move: AppointmentMove,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Appointment> {
        let faults = VisitStart.faults(of: move.start, at: context.now)
        guard faults.isEmpty else { throw Problem.invalid(faults) }
        let changes = changes(context)
        let visit = try changeable(move.id, .reschedule, "not_reschedulable", changes, context, tx)
        return try Problem.of(context) {
            reply(try changes.reschedule(visit, to: move.start, at: move.locationId, in: tx))
        }
    }

    @Sendable private func cancel(
        _ request: CancelAppointment,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        let changes = changes(context)
        let visit = try changeable(request.id, .cancel, "not_cancellable", changes, context, tx)
        let cancelled = try changes.cancel(visit, reason: request.reason, in: tx).value
        return Reply(EmptyOutput(), audit: AuditDetail(patient: cancelled.patientId))
    }

    private func changes(_ context: OperationContext) -> VisitChanges {
        VisitChanges(zones: zones, clinic: context.clinic, actor: context.actor, now: context.now)
    }

    /// The visit, held for the change; throws 404, 412, or 409 with `code` where it cannot be done.
    private func changeable(
        _ id: AppointmentID,
        _ move: VisitMove,
        _ code: String,
        _ changes: VisitChanges,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Versioned<Appointment> {
        guard let visit = try changes.held(id, in: tx) else { throw Problem.notFound }
        try context.checkMatch(version: visit.version)
        if let refusal = move.refusal(of: visit.value, at: context.now) {
            throw Problem.conflict(code, refusal.detail)
        }
        return visit
    }

    private func reply(_ visit: Versioned<Appointment>) -> Reply<Appointment> {
        Reply(visit.value, version: visit.version, audit: AuditDetail(patient: visit.value.patientId))
    }
}
