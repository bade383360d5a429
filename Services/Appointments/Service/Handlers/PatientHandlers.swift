import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Patients: added, found, changed, removed.
///
/// Row-level security keeps each caller to their reach.
struct PatientHandlers: Sendable {
    let endpoints = PatientEndpoints()
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create, create)
        table.read(endpoints.list, list)
        table.read(endpoints.me, me)
        table.read(endpoints.read, read)
        table.change(endpoints.update, update)
        table.change(endpoints.delete, delete)
    }

    @Sendable private func create(
        _ draft: PatientDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Patient> {
        let patient = Patient(
            id: PatientID(at: context.now),
            userId: draft.userId,
            name: draft.name,
            email: draft.email,
            phone: draft.phone,
            birthDate: draft.birthDate,
            locale: draft.locale,
            locationId: draft.locationId,
            createdAt: context.now,
            updatedAt: context.now
        )
        try check(draft.locationId, context, tx)
        PatientStore.insert(patient, of: context.clinic, in: tx)
        do { try tx.flush() } catch { try Problem.of(context) { throw error } }
        try Announcement(context: context).patient(patient, version: 1, in: tx)
        return Reply(
            patient,
            version: 1,
            location: "\(RouteTable.base)/patients/\(patient.id)",
            audit: AuditDetail(resource: "\(patient.id)", patient: patient.id)
        )
    }

    @Sendable private func list(
        _ request: SearchRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<Patient>> {
        let limit = request.limit ?? Page<Patient>.usualLimit
        let order = request.sort ?? .oldestFirst
        let list = "q=\(request.q ?? "")&sort=\(order.rawValue)"
        let after = try context.position(request.cursor, list: list, cursors)?.first.flatMap { PatientID($0) }
        let found = try PatientStore.list(
            of: context.clinic,
            word: request.q,
            order: order,
            after: after,
            count: limit + 1,
            in: tx
        )
        return Reply(context.page(found, limit: limit, list: list, cursors) { ["\($0.id)"] })
    }

    @Sendable private func me(
        _: EmptyInput,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Patient> {
        guard let id = context.principal.patient else { throw Problem.notFound }
        return try read(PatientPath(id: id), context, tx)
    }

    @Sendable private func read(
        _ path: PatientPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Patient> {
        guard let found = try PatientStore.find(path.id, of: context.clinic, in: tx) else { throw Problem.notFound }
        return Reply(
            found.value,
            version: found.version,
            audit: AuditDetail(resource: "\(path.id)", patient: path.id)
        )
    }

    @Sendable private func update(
        _ patch: PatientPatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Patient> {
        guard let found = try PatientStore.find(patch.id, of: context.clinic, forUpdate: true, in: tx) else {
            throw Problem.notFound
        }
        try context.checkMatch(version: found.version)
        if case .own = context.scope, patch.userId != .absent || patch.locationId != .absent {
            throw Problem.forbidden(context.endpoint.auditAction)
        }
        if case .set(let location) = patch.locationId { try check(location, context, tx) }
        let patient = found.value.applying(patch, at: context.now)
        let version = try Problem.of(context) { try PatientStore.update(patient, of: context.clinic, in: tx) }
        guard let version else { throw Problem.notFound }
        try Announcement(context: context).patient(patient, version: version, in: tx)
        return Reply(patient, version: version, audit: AuditDetail(patient: patient.id))
    }

    @Sendable private func delete(
        _ path: PatientPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        guard let found = try PatientStore.find(path.id, of: context.clinic, forUpdate: true, in: tx) else {
            throw Problem.notFound
        }
        try context.checkMatch(version: found.version)
        let visits = AppointmentStore.Filter(patient: path.id)
        if try AppointmentStore.hasUpcoming(visits, of: context.clinic, at: context.now, in: tx) {
            throw Problem.conflict("patient_in_use", "The patient has visits to come.")
        }
        guard let version = try PatientStore.delete(path.id, of: context.clinic, at: context.now, in: tx) else {
            throw Problem.notFound
        }
        try Announcement(context: context).patient(found.value, version: version, deleted: true, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(patient: path.id))
    }

    private func check(_ location: LocationID?, _ context: OperationContext, _ tx: borrowing Transaction) throws {
        guard let location else { return }
        if try ClinicStore.places([location], of: context.clinic, in: tx).isEmpty { throw Problem.locationUnknown }
    }
}

extension Patient {
    /// The patient after a merge patch.
    func applying(_ patch: PatientPatch, at now: Instant) -> Patient {
        Patient(
            id: id,
            userId: patch.userId.applied(to: userId),
            name: patch.name ?? name,
            email: patch.email.applied(to: email),
            phone: patch.phone.applied(to: phone),
            birthDate: patch.birthDate.applied(to: birthDate),
            locale: patch.locale.applied(to: locale),
            locationId: patch.locationId.applied(to: locationId),
            createdAt: createdAt,
            updatedAt: now
        )
    }
}
