package import Core
package import Logging
import Metrics
package import Postgres
import ServiceLifecycle
import Synchronization
package import Telemetry

/// Gives waiting entries their places and has the logs signed.
///
/// Any number of replicas may run: each log is one's at a time.
package final class AuditSequencer: Service {
    /// How often waiting entries are looked for.
    static let period: Duration = .milliseconds(250)
    /// How often logs with new entries are signed.
    static let signingPeriod: Duration = .seconds(2)
    /// Entries that are given their places in one transaction.
    static let batch = 4_096
    /// Clinics looked after in one round.
    static let clinics = 256

    private let database: Database
    private let signer: CheckpointSigner
    private let witnesses: [Witness]
    private let log: Logger
    private let sequenced = Counter(.auditEntries)
    private let stopped = Gauge(.auditLogsStopped)
    private let faults = Mutex<[ClinicID: AuditLogFault]>([:])

    /// - Parameter database: access' own; the work goes through its sequencer door.
    package convenience init(database: Database, signer: CheckpointSigner, log: Logger) {
        self.init(database: database, signer: signer, witnesses: [], log: log)
    }

    /// - Parameter witnesses: whom checkpoints are shown to.
    init(database: Database, signer: CheckpointSigner, witnesses: [Witness], log: Logger) {
        self.database = database
        self.signer = signer
        self.witnesses = witnesses
        self.log = log
    }

    /// Logs that are not signed any further, and why.
    var stoppedLogs: [ClinicID: AuditLogFault] { faults.withLock { $0 } }

    /// Impaired while a log is not signed any further.
    ///
    /// Entries of it are still taken in and kept, other clinics' logs go on, and no replica could do more: so whoever takes
    /// the process out of service for it takes all clinics' sign-ins away for the fault of one.
    package var check: HealthCheck {
        HealthCheck("audit_log") { [self] in
            let count = stoppedLogs.count
            return count == 0 ? .up : .impaired("stopped: \(count)")
        }
    }

    /// Works until shutdown.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var signedAt = ContinuousClock.now
            while !Task.isCancelled {
                await self.attempt("sequence") { try await self.sequence() }
                if ContinuousClock.now - signedAt >= Self.signingPeriod {
                    await self.attempt("sign") { try await self.sign(at: .now()) }
                    signedAt = .now
                }
                try? await Task.sleep(for: Self.period)
            }
        }
    }

    /// Gives every waiting entry its place; returns how many there were.
    @discardableResult
    package func sequence() async throws -> Int {
        var total = 0
        let waiting = try await database.through(.sequencer) { tx in
            try AuditStore.clinicsWithPending(limit: Self.clinics, in: tx)
        }
        for clinic in waiting {
            while let count = try await sequence(clinic), count > 0 { total += count }
        }
        sequenced.increment(by: total)
        return total
    }

    private func sequence(_ clinic: ClinicID) async throws -> Int? {
        try await database.through(.sequencer) { tx in
            try AuditStore.sequence(clinic, limit: Self.batch, in: tx)
        }
    }

    /// Signs every log with new entries.
    ///
    /// One that may not be signed is left where it is, with an alarm.
    func sign(at now: Instant) async throws {
        let unsigned = try await database.through(.sequencer) { tx in
            try CheckpointStore.unsigned(limit: Self.clinics, in: tx)
        }
        await sign(unsigned, at: now)
    }

    /// Signs these logs, each by itself.
    package func sign(_ clinics: [ClinicID], at now: Instant) async {
        for clinic in clinics {
            do {
                let signed = try await signer.sign(clinic, in: database, at: now)
                if signed != nil { await attempt("witness") { try await haveWitnessed(clinic) } }
                faults.withLock { $0[clinic] = nil }
            } catch let fault as AuditLogFault {
                alarm(fault, of: clinic)
            } catch {
                log.error(
                    "audit log not signed",
                    metadata: .fields([.clinicID: "\(clinic)", .errorType: "\(type(of: error))"])
                )
            }
        }
        stopped.record(faults.withLock { $0.count })
    }

    /// The checkpoint is signed whether or not anybody vouches for it.
    private func haveWitnessed(_ clinic: ClinicID) async throws {
        if witnesses.isEmpty { return }
        let witnesses = witnesses
        try await database.transaction(for: Tenant(clinic, actor: "system:audit"), lane: .background) { tx in
            try CosignCheckpoint.enqueue(witnesses, in: tx)
        }
    }

    /// Said once; the gauge stands until it is mended.
    private func alarm(_ fault: AuditLogFault, of clinic: ClinicID) {
        let isNew = faults.withLock { $0.updateValue(fault, forKey: clinic) != fault }
        guard isNew else { return }
        log.critical(
            "audit log stopped: what is stored does not lead on from what was signed",
            metadata: .fields([.clinicID: "\(clinic)", .reason: fault.code])
        )
    }

    private func attempt(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            if Task.isCancelled { return }
            log.error(
                "audit round failed",
                metadata: .fields([.operation: what, .errorType: "\(type(of: error))"])
            )
        }
    }
}
