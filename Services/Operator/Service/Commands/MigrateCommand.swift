import ArgumentParser
import Contracts
import Core
import Postgres
import Settings

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring every schema to its newest version.",
        discussion:
            "Settings: DATABASE_OWNER_URL, the owner of the schemas. The roles of deploy/postgres/roles.sql must be there."
    )

    @OptionGroup var common: CommonOptions
    @Flag(help: "Change nothing; exit with 3 if something is to be done.") var check = false

    func run() async throws {
        let installation = try Installation.find(Settings.load())
        let owner = Secret(try installation.required(\.ownerURL, "DATABASE_OWNER_URL"))
        let names =
            check
            ? try Migrator.check(ownerURL: owner, sets: SchemaCatalog.all)
            : try Migrator.run(ownerURL: owner, sets: SchemaCatalog.all)
        if common.json {
            try Terminal.json([check ? "pending" : "applied": .array(names.map(JSONValue.string))])
        } else {
            for name in names { Terminal.line("\(check ? "pending" : "applied") \(name)") }
            if names.isEmpty { Terminal.line("everything is up to date") }
        }
        if check, !names.isEmpty { throw ExitCode.notWell }
    }
}
