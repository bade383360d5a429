import Core
import Postgres
import Synchronization

/// A claim whose connection was lost after its commit was sent: it was made or it was not, and nobody works on its jobs.
struct UnansweredClaim: Hashable, Sendable {
    let place: JobPlace
    let lease: JobID
}

extension JobWorkers {
    /// Makes due again what unanswered claims have taken, which would wait until their leases end.
    func handBackUnanswered() async {
        for claim in state.withLock({ $0.unanswered }) {
            do {
                try await handBack(claim)
            } catch {
                // With the next look.
                return
            }
            state.withLock { $0.unanswered.removeAll { $0 == claim } }
        }
    }

    private func handBack(_ claim: UnansweredClaim) async throws {
        let (clinic, lane) = (claim.place.clinic, claim.place.lane)
        try await database.transaction(
            for: Tenant(clinic, actor: "system:jobs"),
            lane: .background,
            operation: "jobs.hand_back"
        ) { tx in
            tx.execute(JobLanes.share(clinic, lane))
            tx.execute(JobRows.byIndex)
            tx.execute(JobRows.handBack(clinic, lane, lease: claim.lease))
            tx.execute(JobLanes.wake(clinic, lane, dueAt: nil))
            tx.announce(.jobs)
        }
    }
}
