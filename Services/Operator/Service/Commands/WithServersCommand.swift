import ArgumentParser
import Core
import Foundation
import LocalServers
import UnixSignals

struct WithServersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "with-servers",
        abstract: "Run a command beside a PostgreSQL and Redis that go when it ends.",
        discussion: """
            The servers live in a temporary folder, keep nothing, and are named to the command as \
            POLYCLINIC_TEST_SERVERS: {"adminURL": "postgresql://…", "redisURL": "redis://…"}. Exits as the command does.
            """
    )

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments, after --.") var command: [String]

    func run() async throws {
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        guard let program = words.first else { throw ValidationError("give a command after --") }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let home =
            FileManager.default.temporaryDirectory.path()
            + "polyclinic-servers-\(ProcessInfo.processInfo.processIdentifier)"
        let servers = try LocalServers(home: home, services: [], isDurable: false)
        defer {
            servers.kill()
            try? FileManager.default.removeItem(atPath: home)
        }
        var environment = ProcessInfo.processInfo.environment
        environment["POLYCLINIC_TEST_SERVERS"] =
            "{\"adminURL\":\"\(servers.adminURL.unredacted)\",\"redisURL\":\"\(servers.redisURL.unredacted)\"}"
        let child = try ChildProcess(
            ChildProcess.Command(program, Array(words.dropFirst()), environment: environment, deathSignal: "KILL")
        )
        let listener = Task { for await _ in signals { child.send(SIGTERM) } }
        defer { listener.cancel() }
        switch await child.ended() {
        case .code(0): return
        case .code(let code): throw ExitCode(code)
        case .signal: throw ExitCode(1)
        }
    }
}
