import ArgumentParser
import Foundation

/// `polyclinic`, the operator's program.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unhealthy or not verified.
package enum OperatorProgram {
    package static func main() async -> Never {
        do {
            var command = try Polyclinic.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            exit(0)
        } catch {
            exit(report(error))
        }
    }

    /// Says what went wrong and gives the exit code.
    private static func report(_ error: any Error) -> Int32 {
        if let code = error as? ExitCode { return code.rawValue }
        let parsed = Polyclinic.exitCode(for: error)
        switch parsed {
        case .success:
            Terminal.line(Polyclinic.fullMessage(for: error))
            return 0
        case .validationFailure:
            Terminal.error(Polyclinic.fullMessage(for: error))
            return 2
        default:
            Terminal.error("polyclinic: \(error)")
            return 1
        }
    }
}

extension ExitCode {
    /// 3: something is unhealthy, or a proof does not hold.
    static let notWell = ExitCode(3)
}

struct Polyclinic: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "polyclinic",
        abstract: "Runs and looks after an installation of Polyclinic.",
        discussion: "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unhealthy or not verified.",
        subcommands: [
            DevCommand.self, DemoCommand.self, MigrateCommand.self, HealthCommand.self, QueuesCommand.self,
            DeadLettersCommand.self, ProjectionsCommand.self, AuditCommand.self, KeysCommand.self, ClinicsCommand.self,
            UsersCommand.self,
            ConfigCommand.self, WithServersCommand.self,
        ]
    )
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON, one document, on standard output.")
    var json = false
}

/// What went wrong, in words for a person at the command line.
struct OperatorError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
