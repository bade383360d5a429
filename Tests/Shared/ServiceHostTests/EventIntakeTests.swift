import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import ServiceHost

/// Events taken in: each once, many in one transaction, and none through another's fault.
@Suite(.timeLimit(.minutes(1))) struct EventIntakeTests {
    struct NoteTold: EventPayload {
        static let kind = "note.told"
        static let category = EventCategory.clinic
        static let topic = ServiceName.access
        var text: String
    }

    struct Broken: Error {}

    let service: NotesService
    let clinic = ClinicID()
    let other = ClinicID()

    init() throws { service = try NotesService() }

    /// Keeps what it is told, and cannot take "poison".
    private static let consumer = ServiceDefinition.Consumer(of: .access, [NoteTold.self]) { event, tx in
        let told = try event.decode(NoteTold.self)
        if told.text == "poison" { throw Broken() }
        tx.execute("insert into notes (clinic_id, id, text) values (\(event.clinicId), \(event.id), \(told.text))")
    }

    private func event(_ text: String = "good", of clinic: ClinicID? = nil) throws -> EventEnvelope {
        try EventEnvelope(
            NoteTold(text: text),
            clinicId: clinic ?? self.clinic,
            actor: "user:1",
            at: .now(),
            aggregateId: text,
            aggregateVersion: 1
        )
    }

    private func take(_ events: [EventEnvelope]) async throws {
        try await EventIntake(service: .billing, database: service.database.database)
            .take(events, for: Self.consumer)
    }

    @Test func everyEventHasItsEffectOnceInItsOwnClinic() async throws {
        let events = try (0..<30).map { try event("\($0)", of: $0.isMultiple(of: 3) ? other : clinic) }
        // The same ones twice in one batch, and the batch again.
        try await take(events + events.reversed())
        try await take(events)
        #expect(try await service.notes(of: clinic) == 20)
        #expect(try await service.notes(of: other) == 10)
    }

    @Test func aBatchWithPoisonFailsAndTheOthersAreTakenInAlone() async throws {
        let good = try (0..<5).map { try event("\($0)") }
        let poison = try event("poison")
        await #expect(throws: Broken.self) { try await take(good.prefix(2) + [poison] + good.suffix(3)) }
        #expect(try await service.notes(of: clinic) == 0)
        for event in good { try await take([event]) }
        await #expect(throws: Broken.self) { try await take([poison]) }
        #expect(try await service.notes(of: clinic) == 5)
    }

    @Test func whatItDoesNotNameIsPassedOverAndWhatIsAboveItIsLeft() async throws {
        var foreign = try event()
        foreign.name = "something.else"
        try await take([foreign])
        var newer = try event()
        newer.version = 2
        await #expect(throws: EventConsumer.NotUnderstood.self) { try await take([newer]) }
        #expect(try await service.notes(of: clinic) == 0)
    }
}

/// Entries of reads and refusals: committed before anybody goes on.
@Suite(.timeLimit(.minutes(1))) struct AuditWriterTests {
    let service: NotesService

    init() throws { service = try NotesService() }

    private func record(_ clinic: ClinicID, userAgent: String = "test") -> AuditRecord {
        AuditRecord(
            id: AuditEntryID(),
            at: .now(),
            clinicId: clinic,
            actor: AuditRecord.Actor(type: "user", id: "\(UserID())", roles: ["DOCTOR"], apiKeyId: nil),
            action: "notes:read",
            resource: AuditRecord.Resource(type: "notes", id: "1"),
            patientId: nil,
            outcome: .succeeded,
            reason: nil,
            requestId: RequestID(),
            source: AuditRecord.Source(address: "127.0.0.1", userAgent: userAgent),
            count: nil
        )
    }

    @Test func manyAtOnceAreAllThereWhenTheWaitIsOver() async throws {
        let clinics = [ClinicID(), ClinicID()]
        let writer = AuditWriter(database: service.database.database)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                let record = record(clinics[number % 2])
                let service = service
                group.addTask {
                    try await writer.write(record)
                    #expect(try await service.audit(of: record.clinicId).contains { $0.id == record.id })
                }
            }
            try await group.waitForAll()
        }
        for clinic in clinics { #expect(try await service.audit(of: clinic).count == 150) }
    }

    @Test func aReadLeavesItsEntryBeforeItsReply() async throws {
        let clinic = ClinicID()
        let made = try #require(
            try await service.request("notes.create", NotesService.NewNote(text: "one"), clinic: clinic)
        )
        let note = try JSONTape(made.body).decode(NotesService.Note.self)
        let reply = try await service.request("notes.read", NotesService.NotePath(id: note.id), clinic: clinic)
        #expect(reply?.status == 200)
        let entries = try await service.audit(of: clinic)
        #expect(entries.map(\.action).sorted() == ["notes:create", "notes:read"])
        #expect(entries.allSatisfy { $0.resource.id == note.id && $0.outcome == .succeeded })
    }
}
