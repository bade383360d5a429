import ArgumentParser
import Contracts
import Core
import Settings

struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask every process whether it is ready.",
        discussion:
            "Settings: POLYCLINIC_HEALTH_URLS (gateway=http://…,access=http://…). Exits with 3 unless all are ready."
    )

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let installation = try Installation.find(Settings.load())
        guard !installation.health.isEmpty else { throw SettingsError("POLYCLINIC_HEALTH_URLS", .missing) }
        let findings = await HealthProbe.ask(all: installation.health.map { ($0.key, $0.value) })
        if common.json {
            try Terminal.json(["processes": .array(findings.map(\.json))])
        } else {
            Terminal.table(
                ["PROCESS", "READY", "REASON"],
                findings.map { [$0.name, $0.isReady ? "yes" : "no", $0.reason] }
            )
        }
        if !findings.allSatisfy(\.isReady) { throw ExitCode.notWell }
    }
}
