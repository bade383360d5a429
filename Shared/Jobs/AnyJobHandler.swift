import Contracts
import Core
import Metrics
import Postgres
import Resilience
import Telemetry

/// A handler without its type, as the worker's table keeps it.
struct LeasedHandler: Sendable {
    let name: String
    let retry: RetryPolicy
    let lease: Duration
    let run: @Sendable ([UInt8], JobContext) async throws -> Void
    /// How long its runs take.
    let duration: Metrics.Timer
    /// How many are done, by lane.
    let done: [JobLane: Counter]

    init<J: JobHandler>(_ handler: J) {
        name = J.name
        retry = J.retry
        lease = J.lease
        duration = Metrics.Timer(.jobDuration, [(.handler, J.name)])
        done = Dictionary(uniqueKeysWithValues: JobLane.allCases.map { ($0, Counter.jobsRun(J.name, $0, "done")) })
        run = { bytes, context in try await handler.run(try decodePayload(bytes), context) }
    }
}

extension Counter {
    /// Runs of a handler in a lane that came to an end.
    static func jobsRun(_ handler: String, _ lane: JobLane, _ outcome: String) -> Counter {
        Counter(.jobsRun, [(.handler, handler), (.lane, lane.name), (.outcome, outcome)])
    }
}

/// A transactional handler without its type.
struct BatchHandler: Sendable {
    let name: String
    let retry: RetryPolicy
    let run: @Sendable ([[UInt8]], borrowing Transaction) throws -> Void

    init<J: TransactionalJobHandler>(_ handler: J) {
        name = J.name
        retry = J.retry
        run = { payloads, transaction in
            try handler.run(try payloads.map { try decodePayload($0) }, in: transaction)
        }
    }
}

private func decodePayload<Payload: Decodable>(_ bytes: [UInt8]) throws -> Payload {
    if let none = NoPayload() as? Payload { return none }
    do {
        return try JSONTape(bytes).decode(Payload.self)
    } catch {
        throw JobFailure.permanent("payload_unreadable")
    }
}
