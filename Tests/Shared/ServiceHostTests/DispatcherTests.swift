import Bus
import Contracts
import Core
import Testing

@testable import ServiceHost

/// One transaction around every handler: the effect, its audit entry and its kept reply stay together or not at all.
@Suite(.timeLimit(.minutes(1))) struct DispatcherTests {
    let service: NotesService
    let clinic = ClinicID()

    init() throws { service = try NotesService() }

    @Test(arguments: ["notes.create", "notes.later"]) func aChangeLeavesItsEntry(_ operation: String) async throws {
        let reply = try #require(
            try await service.request(operation, NotesService.NewNote(text: "one"), clinic: clinic)
        )
        #expect(reply.status == 201)
        #expect(reply.headers.contains { $0 == ("ETag", "\"1\"") })
        let entry = try #require(try await service.audit(of: clinic).first)
        #expect(entry.outcome == .succeeded)
        #expect(entry.action == "notes:create")
        #expect(entry.clinicId == clinic)
        let note = try JSONTape(reply.body).decode(NotesService.Note.self)
        #expect(entry.resource == AuditRecord.Resource(type: "notes", id: note.id))
    }

    @Test(arguments: ["notes.create", "notes.later"]) func theSameKeyHasOneEffect(_ operation: String) async throws {
        let input = NotesService.NewNote(text: "once")
        let first = try #require(try await service.request(operation, input, clinic: clinic, key: "k"))
        let second = try #require(try await service.request(operation, input, clinic: clinic, key: "k"))
        #expect(second.status == first.status)
        #expect(second.body == first.body)
        #expect(second.headers.contains { $0 == ("Idempotency-Replayed", "true") })
        #expect(try await service.notes(of: clinic) == 1)
    }

    @Test func anotherBodyUnderTheSameKeyIsRefused() async throws {
        _ = try await service.request("notes.create", NotesService.NewNote(text: "a"), clinic: clinic, key: "k")
        let other = try await service.request("notes.create", NotesService.NewNote(text: "b"), clinic: clinic, key: "k")
        #expect(other?.status == 422)
        #expect(try await service.notes(of: clinic) == 1)
    }

    /// A client that builds its request anew may write the same in another order.
    @Test(
        arguments: [
            (#"{"text":"same","refuse":false}"#, 201), (#"{"refuse":false,"text":"same"}"#, 201),
            (" {\n \"refuse\" : false , \"text\" : \"same\" } ", 201), (#"{"refuse":false,"text":"same "}"#, 422),
            (#"{"text":"same"}"#, 422),
        ]
    )
    func theSameInAnotherOrderIsTheSame(_ again: String, _ status: Int) async throws {
        let first = try #require(
            try await service.request(
                "notes.create",
                json: #"{"text":"same","refuse":false}"#,
                clinic: clinic,
                key: "k"
            )
        )
        let second = try #require(try await service.request("notes.create", json: again, clinic: clinic, key: "k"))
        #expect(first.status == 201 && second.status == status)
        #expect((second.body == first.body) == (status == 201))
        #expect(try await service.notes(of: clinic) == 1)
    }

    @Test func aKeyIsItsPathsOwn() async throws {
        func append(_ id: String, _ text: String) async throws -> BusReply? {
            let input = NotesService.NewPart(id: id, text: text)
            return try await service.request("notes.append", input, clinic: clinic, key: "k")
        }
        let first = try await append("a", "one")
        let elsewhere = try await append("b", "one")
        #expect(first?.status == 201 && elsewhere?.status == 201 && first?.body != elsewhere?.body)
        #expect(try await append("b", "two")?.status == 422)
        #expect(try await append("a", "one")?.body == first?.body)
        #expect(try await service.notes(of: clinic) == 2)
    }

    @Test func aKeyIsItsClinicsOwn() async throws {
        let input = NotesService.NewNote(text: "same")
        let other = ClinicID()
        let first = try await service.request("notes.create", input, clinic: clinic, key: "k")
        let second = try await service.request("notes.create", input, clinic: other, key: "k")
        #expect(first?.body != second?.body)
        #expect(try await service.notes(of: other) == 1)
    }

    @Test(arguments: ["notes.create", "notes.later"]) func concurrentRepeatsHaveOneEffect(_ operation: String)
        async throws
    {
        let service = service
        let clinic = clinic
        let statuses = try await withThrowingTaskGroup(of: Int?.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    try await service.request(operation, NotesService.NewNote(text: "race"), clinic: clinic, key: "k")?
                        .status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.allSatisfy { $0 == 201 || $0 == 409 })
        #expect(statuses.contains(201))
        #expect(try await service.notes(of: clinic) == 1)
    }

    @Test func aRefusedChangeLeavesNothingButItsEntry() async throws {
        let input = NotesService.NewNote(text: "no", refuse: true)
        let reply = try await service.request("notes.create", input, clinic: clinic, key: "k")
        #expect(reply?.status == 409)
        #expect(reply?.contentType == Problem.mediaType)
        #expect(try await service.notes(of: clinic) == 0)
        let entries = try await service.audit(of: clinic)
        #expect(entries.map(\.outcome) == [.failed])
        #expect(entries.first?.reason == "refused")
        let again = try await service.request(
            "notes.create",
            NotesService.NewNote(text: "yes"),
            clinic: clinic,
            key: "k"
        )
        #expect(again?.status == 201, "a refusal is decided anew")
    }

    @Test func aRedeliveryAfterTheCommitIsAnsweredNotDoneAgain() async throws {
        let input = NotesService.NewNote(text: "crash")
        let first = try await service.request("notes.create", input, clinic: clinic, key: "k", redelivered: false)
        let second = try await service.request("notes.create", input, clinic: clinic, key: "k", redelivered: true)
        #expect(first?.body == second?.body)
        #expect(try await service.notes(of: clinic) == 1)
    }

    @Test func anotherClinicsNoteIsNotThereAndThatIsNoted() async throws {
        let made = try #require(
            try await service.request("notes.create", NotesService.NewNote(text: "mine"), clinic: clinic)
        )
        let id = try JSONTape(made.body).decode(NotesService.Note.self).id
        let stranger = ClinicID()
        let reply = try await service.request("notes.read", NotesService.NotePath(id: id), clinic: stranger)
        #expect(reply?.status == 404)
        let entry = try #require(try await service.audit(of: stranger).first)
        #expect(entry.outcome == .denied)
        #expect(entry.resource.id == id)
    }

    @Test func anUnknownOperationIsNotThere() async throws {
        let reply = try await service.request("notes.burn", NotesService.NewNote(text: ""), clinic: clinic)
        #expect(reply?.status == 404)
    }

    @Test func missingHandlersAreNamed() throws {
        var table = HandlerTable()
        table.read(NotesService.read) { (_, _, _) throws -> ServiceHost::Reply<NotesService.Note> in
            throw Problem.notFound
        }
        #expect {
            try table.complete([NotesService.read, NotesService.create])
        } throws: {
            "\($0)".contains("notes.create")
        }
    }
}
