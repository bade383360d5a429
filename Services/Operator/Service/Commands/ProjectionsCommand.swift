import ArgumentParser
import Contracts
import Core
import Postgres
import ServiceHost
import Settings

struct ProjectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections",
        abstract: "Build anew what a service keeps of others.",
        subcommands: [Rebuild.self]
    )

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have everything sent again that a service takes in; nobody is notified.",
            discussion: """
                Leaves a job for every clinic with those whose events the service takes in. Settings: \
                DATABASE_URL_ACCESS, …_COMMUNICATION, …_APPOINTMENTS, …_BILLING.
                """
        )
        @OptionGroup var common: CommonOptions
        @Argument(help: "Whose projections.") var service: ServiceName

        func run() async throws {
            let installation = try Installation.find(Settings.load())
            let clinics = try await ClinicList.read(installation)
            let owners = ServiceName.allCases.filter { EventGroups.all[$0, default: []].contains(service.rawValue) }
            for owner in owners {
                try await ServiceDatabase.with(owner, installation) { database in
                    try await ResendAggregates.order(for: clinics, in: database)
                }
            }
            let names = owners.map(\.rawValue)
            if common.json {
                return try Terminal.json([
                    "owners": .array(names.map { .string($0) }), "clinics": .integer(Int64(clinics.count)),
                ])
            }
            Terminal.line(
                "\(names.joined(separator: " and ")) will send the present state of \(clinics.count) clinics again"
            )
        }
    }
}

/// The clinics of an installation, suspended ones too.
enum ClinicList {
    static func read(_ installation: Installation) async throws -> [ClinicID] {
        try await ServiceDatabase.with(.access, installation) { database in
            try await database.through(.installation, operation: "clinics") { tx in
                try tx.rows("select clinic_id from clinics order by clinic_id").map { try $0[0] }
            }
        }
    }
}
