import Bus
import Contracts
import Core
import Logging
import TestKit
import Testing

@testable import ServiceHost

/// Whether what a client has seen is what is there.
@Suite(.timeLimit(.minutes(1))) struct PreconditionTests {
    private func context(ifMatch: String) throws -> OperationContext {
        let service = try NotesService()
        let request = BusRequest(
            operation: NotesService.read.name,
            clinic: ClinicID(),
            principal: .system("test"),
            scope: .clinic,
            deadline: .after(.seconds(10)),
            idempotencyKey: "k",
            ifMatch: ifMatch,
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            input: Array("{}".utf8)
        )
        return OperationContext(
            request: request,
            tape: try JSONTape(request.input),
            endpoint: NotesService.read,
            scope: .clinic,
            database: service.database.database,
            log: Logger(label: "test"),
            now: .now(),
            redelivered: false,
            dispatcher: service.dispatcher
        )
    }

    @Test(arguments: [
        ("*", true), ("\"3\"", true), ("\"3\" , \"4\"", true), ("\"4\",\t\"3\"", true), ("\"3\"\t,\"4\"", true),
        ("\"2\" ,, \"3\" ", true), ("\"4\"", false), ("3", false), ("\"33\"", false), ("W/\"3\"", false),
        ("\"4\" \"3\"", false), (" , ", false), ("", false),
    ])
    func versionsAreNamedInAList(field: String, isNamed: Bool) throws {
        let context = try context(ifMatch: field)
        if isNamed {
            try context.checkMatch(version: 3)
        } else {
            let problem = #expect(throws: Problem.self) { try context.checkMatch(version: 3) }
            #expect(problem?.status == 412)
        }
    }
}
