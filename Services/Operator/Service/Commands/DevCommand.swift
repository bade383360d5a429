import ArgumentParser
import Contracts
import Core
import Foundation
import LocalServers
import Postgres
import Settings
import UnixSignals

struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Run everything on this machine, in the foreground.",
        discussion: """
            Starts a private PostgreSQL and Redis in $POLYCLINIC_HOME (default .polyclinic) unless DATABASE_URL (a \
            superuser's) and REDIS_URL point elsewhere, makes keys, migrates, starts every service and the sandbox, makes \
            the demo clinic, and keeps all of it running until Ctrl-C.
            """
    )

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let stopped = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let isJSON = common.json
        let work = Task { try await Development(Settings.load(), asJSON: isJSON).run() }
        let listener = Task {
            for await _ in stopped {
                work.cancel()
                return
            }
        }
        defer { listener.cancel() }
        do { try await work.value } catch is CancellationError {} catch {
            if !work.isCancelled { throw error }
        }
    }
}
