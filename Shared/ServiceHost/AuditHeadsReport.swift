import Contracts
import Core
import Logging
import Outbox
import Postgres
import ServiceLifecycle
import Telemetry

/// Tells access, every minute and at the end, how many audit entries this process has committed.
///
/// What a process that is killed has committed since it last told is the one thing that could go missing unnoticed.
struct AuditHeadsReport: Service {
    static let period: Duration = .seconds(60)

    let database: Database
    let log: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: Self.period)) != nil { await tell() }
        }
        await tell()
    }

    private func tell() async {
        let heads = database.seriesHeads.take()
        if heads.isEmpty { return }
        let told = AuditHeads(heads: heads.map { AuditHeads.Head(series: $0.key, number: $0.value) })
        do {
            try await database.through(.relay, operation: "audit.heads") { tx in
                try Outbox.appendHeads(told, in: tx)
            }
        } catch {
            database.seriesHeads.putBack(heads)
            log.warning("audit heads not told", metadata: .fields([.errorType: "\(type(of: error))"]))
        }
    }
}
