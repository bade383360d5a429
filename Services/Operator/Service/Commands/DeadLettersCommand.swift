import ArgumentParser
import Contracts
import Core
import Jobs
import Settings

struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "See, replay or drop what failed for good.",
        subcommands: [List.self, Replay.self, Drop.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the newest of every service.")
        @OptionGroup var common: CommonOptions
        @Option(help: "Of this service only.") var service: ServiceName?
        @Option(help: "At most so many per service.") var limit = 100

        func run() async throws {
            let installation = try Installation.find(Settings.load())
            var found: [(ServiceName, DeadLetter)] = []
            for name in service.map({ [$0] }) ?? ServiceName.allCases {
                let limit = limit
                let letters = try await ServiceDatabase.with(name, installation) { database in
                    try await DeadLetters.list(limit: limit, through: database)
                }
                found += letters.map { (name, $0) }
            }
            if common.json { return try Terminal.json(["items": .array(found.map(Self.json))]) }
            Terminal.table(
                ["SERVICE", "CLINIC", "ID", "KIND", "HANDLER", "ATTEMPTS", "REASON", "FAILED AT"],
                found.map { service, letter in
                    [
                        service.rawValue, "\(letter.clinic)", "\(letter.id)", letter.source, letter.handler,
                        String(letter.attempts), letter.reason, letter.failedAt.rfc3339,
                    ]
                }
            )
        }

        private static func json(_ service: ServiceName, _ letter: DeadLetter) -> JSONValue {
            [
                "service": .string(service.rawValue), "clinicId": .string("\(letter.clinic)"),
                "id": .string("\(letter.id)"),
                "source": .string(letter.source), "handler": .string(letter.handler),
                "attempts": .integer(Int64(letter.attempts)), "reason": .string(letter.reason),
                "firstAt": .string(letter.firstAt.rfc3339), "failedAt": .string(letter.failedAt.rfc3339),
            ]
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Try one again: a job anew, an event by a job of its own."
        )
        @OptionGroup var common: CommonOptions
        @Argument var service: ServiceName
        @Argument(help: "The clinic's id.") var clinic: ClinicID
        @Argument(help: "The dead letter's id.") var id: JobID

        func run() async throws {
            let (clinic, id) = (clinic, id)
            try await change("replayed", common) { service, installation in
                try await ServiceDatabase.with(service, installation) {
                    try await DeadLetters.replay(id, of: clinic, through: $0)
                }
            }(service)
        }
    }

    struct Drop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget one.")
        @OptionGroup var common: CommonOptions
        @Argument var service: ServiceName
        @Argument(help: "The clinic's id.") var clinic: ClinicID
        @Argument(help: "The dead letter's id.") var id: JobID

        func run() async throws {
            let (clinic, id) = (clinic, id)
            try await change("dropped", common) { service, installation in
                try await ServiceDatabase.with(service, installation) {
                    try await DeadLetters.drop(id, of: clinic, through: $0)
                }
            }(service)
        }
    }

    private static func change(
        _ done: String,
        _ common: CommonOptions,
        _ body: @escaping (ServiceName, Installation) async throws -> Bool
    ) -> (ServiceName) async throws -> Void {
        { service in
            guard try await body(service, Installation.find(Settings.load())) else {
                throw OperatorError("there is no such dead letter, or none that can be \(done)")
            }
            if common.json { try Terminal.json(["status": .string(done)]) } else { Terminal.line(done) }
        }
    }
}

extension ServiceName: ExpressibleByArgument {}

extension TypedID: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
