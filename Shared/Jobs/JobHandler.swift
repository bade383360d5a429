import Core
package import Postgres
package import Resilience

/// Which jobs go first.
package enum JobLane: Int, Hashable, Sendable, Codable, CaseIterable {
    case critical, normal, bulk

    package var name: String {
        switch self {
        case .critical: "critical"
        case .normal: "normal"
        case .bulk: "bulk"
        }
    }
}

/// Work that takes its time or calls others: run under a lease, which is renewed while it runs.
///
/// A run that returns is finished. One that has an effect ends with `job.finish { tx in … }`, which deletes the job in the
/// transaction of the effect. One that throws is run again after a pause; after the last attempt, or when it throws
/// `JobFailure.permanent`, the job goes to the dead letters.
package protocol JobHandler: Sendable {
    associatedtype Payload: Codable & Sendable
    /// What the table calls it: `messages.send`. Never changes once jobs of it exist.
    static var name: String { get }
    static var retry: RetryPolicy { get }
    /// How long a run is kept for a worker that shows no sign of life.
    static var lease: Duration { get }
    func run(_ payload: Payload, _ job: JobContext) async throws
}

extension JobHandler {
    package static var retry: RetryPolicy { RetryPolicy(attempts: 12, base: .seconds(2), cap: .seconds(3_600)) }
    package static var lease: Duration { .seconds(60) }
}

/// Work that is nothing but statements: many jobs of one clinic are claimed, done and deleted in one transaction.
///
/// The transaction is the claim, so there is no lease. If a batch throws, its jobs are tried one by one.
package protocol TransactionalJobHandler: Sendable {
    associatedtype Payload: Codable & Sendable
    static var name: String { get }
    static var retry: RetryPolicy { get }
    func run(_ payloads: [Payload], in transaction: borrowing Transaction) throws
}

extension TransactionalJobHandler {
    package static var retry: RetryPolicy { RetryPolicy(attempts: 12, base: .seconds(2), cap: .seconds(3_600)) }
}

/// The payload of jobs that need none.
package struct NoPayload: Hashable, Sendable, Codable {
    package init() {}
}

/// Why a job cannot be done, when trying again would not help.
package struct JobFailure: Error, Hashable, Sendable {
    /// A stable code, never a text with values: it is stored and shown.
    package let reason: String

    package static func permanent(_ reason: StaticString) -> JobFailure { JobFailure(reason: reason.description) }
    /// The lease ended, or another worker has the job: nothing may be written for it any more.
    package static let leaseLost = JobFailure(reason: "lease_lost")
}
