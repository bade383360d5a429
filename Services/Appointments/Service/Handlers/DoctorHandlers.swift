import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Doctors: added, found, changed, removed.
struct DoctorHandlers: Sendable {
    let endpoints = DoctorEndpoints()
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create, create)
        table.read(endpoints.list, list)
        table.read(endpoints.read, read)
        table.change(endpoints.update, update)
        table.change(endpoints.delete, delete)
    }

    @Sendable private func create(
        _ draft: DoctorDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Doctor> {
        let doctor = Doctor(
            id: DoctorID(at: context.now),
            userId: draft.userId,
            name: draft.name,
            specialty: draft.specialty,
            email: draft.email,
            phone: draft.phone,
            active: true,
            createdAt: context.now,
            updatedAt: context.now
        )
        DoctorStore.insert(doctor, of: context.clinic, in: tx)
        do { try tx.flush() } catch { try Problem.of(context) { throw error } }
        try Announcement(context: context).doctor(doctor, version: 1, in: tx)
        return Reply(
            doctor,
            version: 1,
            location: "\(RouteTable.base)/doctors/\(doctor.id)",
            audit: AuditDetail(resource: "\(doctor.id)")
        )
    }

    @Sendable private func list(
        _ request: SearchRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<Doctor>> {
        let limit = request.limit ?? Page<Doctor>.usualLimit
        let order = request.sort ?? .oldestFirst
        let list = "q=\(request.q ?? "")&sort=\(order.rawValue)"
        let after = try context.position(request.cursor, list: list, cursors)?.first.flatMap { DoctorID($0) }
        let found = try DoctorStore.list(
            of: context.clinic,
            word: request.q,
            order: order,
            after: after,
            count: limit + 1,
            in: tx
        )
        return Reply(context.page(found, limit: limit, list: list, cursors) { ["\($0.id)"] })
    }

    @Sendable private func read(
        _ path: DoctorPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Doctor> {
        guard let found = try DoctorStore.find(path.id, of: context.clinic, in: tx) else { throw Problem.notFound }
        return Reply(found.value, version: found.version)
    }

    @Sendable private func update(
        _ patch: DoctorPatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Doctor> {
        guard let found = try DoctorStore.find(patch.id, of: context.clinic, forUpdate: true, in: tx) else {
            throw Problem.notFound
        }
        try context.checkMatch(version: found.version)
        // Whose account acts as the doctor decides what that account may do: not the account's own affair.
        if case .treated = context.scope, patch.userId != .absent || patch.active != nil {
            throw Problem.forbidden(context.endpoint.auditAction)
        }
        let doctor = found.value.applying(patch, at: context.now)
        let version = try Problem.of(context) { try DoctorStore.update(doctor, of: context.clinic, in: tx) }
        guard let version else { throw Problem.notFound }
        try Announcement(context: context).doctor(doctor, version: version, in: tx)
        return Reply(doctor, version: version)
    }

    @Sendable private func delete(
        _ path: DoctorPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        // No visit is booked between the look and the removal.
        ReservationStore.lock(path.id, of: context.clinic, in: tx)
        guard let found = try DoctorStore.find(path.id, of: context.clinic, forUpdate: true, in: tx) else {
            throw Problem.notFound
        }
        try context.checkMatch(version: found.version)
        let visits = AppointmentStore.Filter(doctor: path.id)
        if try AppointmentStore.hasUpcoming(visits, of: context.clinic, at: context.now, in: tx) {
            throw Problem.conflict("doctor_in_use", "The doctor has visits to come.")
        }
        guard let version = try DoctorStore.delete(path.id, of: context.clinic, at: context.now, in: tx) else {
            throw Problem.notFound
        }
        try Announcement(context: context).doctor(found.value, version: version, deleted: true, in: tx)
        return Reply(EmptyOutput())
    }
}

extension Doctor {
    /// The doctor after a merge patch.
    func applying(_ patch: DoctorPatch, at now: Instant) -> Doctor {
        Doctor(
            id: id,
            userId: patch.userId.applied(to: userId),
            name: patch.name ?? name,
            specialty: patch.specialty.applied(to: specialty),
            email: patch.email.applied(to: email),
            phone: patch.phone.applied(to: phone),
            active: patch.active ?? active,
            createdAt: createdAt,
            updatedAt: now
        )
    }
}
