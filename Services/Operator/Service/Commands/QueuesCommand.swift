import ArgumentParser
import Contracts
import Core
import Settings

struct QueuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queues",
        abstract: "Show what waits: jobs, events on their way, dead letters.",
        discussion: "Settings: DATABASE_URL_ACCESS, …_COMMUNICATION, …_APPOINTMENTS, …_BILLING."
    )

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let installation = try Installation.find(Settings.load())
        var reports: [QueueReport] = []
        for service in ServiceName.allCases { reports.append(try await QueueReport.read(service, installation)) }
        if common.json { return try Terminal.json(["services": .array(reports.map(\.json))]) }
        Terminal.table(
            ["SERVICE", "LANE", "JOBS", "DUE", "RUNNING", "OLDEST DUE", "UNSENT EVENTS", "DEAD LETTERS"],
            reports.flatMap(\.rows)
        )
    }
}
