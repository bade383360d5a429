import Contracts
import Core
import Logging
import Metrics
import Postgres
import ServiceLifecycle
import Synchronization
import Telemetry

/// Raises the alarm when entries that a service has committed do not arrive.
///
/// They are numbered where they are committed. Whatever may be late (a relay that is down, Redis wiped) comes by itself
/// within `patience`; what is missing for longer was lost or taken away.
struct AuditGapWatch: Service {
    static let period: Duration = .seconds(30)
    /// Three times what the relay's own search for lost entries takes.
    static let patience: Duration = .seconds(15 * 60)
    /// A series ends when it has been quiet for a day; what came of it is remembered for longer than the bus remembers.
    static let remembered: Duration = .seconds(9 * 24 * 3600)

    private let database: Database
    private let log: Logger
    private let missing = Gauge(.auditMissing)

    init(database: Database, log: Logger) {
        self.database = database
        self.log = log
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: Self.period)) != nil {
                do {
                    try await look(at: .now())
                } catch {
                    log.error("audit gaps not looked for", metadata: .fields([.errorType: "\(type(of: error))"]))
                }
            }
        }
    }

    /// Looks once; each gap is told once, in the log and in the installation's trail, and stands in the gauge until it is closed.
    @discardableResult
    func look(at now: Instant) async throws -> [AuditGap] {
        let gaps = try await database.through(.sequencer, operation: "audit.gaps") { tx in
            AuditSeriesStore.forget(heardBefore: now - Self.remembered, in: tx)
            let gaps = try AuditSeriesStore.gaps(missingBefore: now - Self.patience, at: now, in: tx)
            AuditStore.append(gaps.filter { !$0.isKnown }.map { Self.record($0, at: now) }, in: tx)
            return gaps
        }
        missing.record(gaps.reduce(0) { $0 + $1.count })
        for gap in gaps where !gap.isKnown {
            log.critical(
                "audit entries are missing",
                metadata: .fields([
                    .service: gap.service, .series: "\(gap.series)", .sequence: gap.numbers, .count: "\(gap.count)",
                ])
            )
        }
        return gaps
    }

    private static func record(_ gap: AuditGap, at now: Instant) -> AuditRecord {
        AuditRecord(
            at: now,
            clinicId: .installation,
            actor: .init(type: "system", id: AccessService.name.rawValue),
            action: "audit:gap",
            resource: .init(type: "audit_series", id: gap.series.description),
            outcome: .failed,
            reason: "entries_missing",
            requestId: RequestID(),
            source: .init(address: "", userAgent: ""),
            count: Int(gap.count)
        )
    }
}
