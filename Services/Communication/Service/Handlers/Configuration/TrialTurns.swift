import Contracts
import Core
import Synchronization

/// Whose trials of providers are running in this process: each may take as long as a call, and must not keep requests of
/// others waiting.
final class TrialTurns: Sendable {
    /// Of one clinic at once.
    static let mostOfClinic = 1
    /// Of all clinics together in one process: a small part of the requests that it serves at once.
    static let most = 16

    private let running = Mutex<[ClinicID: Int]>([:])

    /// Begins a clinic's trial, which `end` must follow; throws 429 while as many are running as may be.
    func begin(_ clinic: ClinicID) throws(Problem) {
        let hasTurn = running.withLock { running in
            guard running[clinic, default: 0] < Self.mostOfClinic, running.values.reduce(0, +) < Self.most else {
                return false
            }
            running[clinic, default: 0] += 1
            return true
        }
        guard !hasTurn else { return }
        throw Problem(
            429,
            "rate_limited",
            "As many trials of providers are running as may run at once.",
            retryable: true,
            retryAfter: Int(ConfigurationTrials.callTime.components.seconds)
        )
    }

    func end(_ clinic: ClinicID) {
        running.withLock { running in
            let rest = running[clinic, default: 0] - 1
            running[clinic] = rest > 0 ? rest : nil
        }
    }
}
