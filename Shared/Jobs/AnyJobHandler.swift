import Core
import FoundationEssentials
import Postgres
import Resilience

/// A handler without its type, as the worker's table keeps it.
struct LeasedHandler: Sendable {
    let name: String
    let retry: RetryPolicy
    let lease: Duration
    let run: @Sendable ([UInt8], JobContext) async throws -> Void

    init<J: JobHandler>(_ handler: J) {
        name = J.name
        retry = J.retry
        lease = J.lease
        run = { bytes, context in try await handler.run(try decodePayload(bytes), context) }
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
        return try JSONDecoder().decode(Payload.self, from: Data(bytes))
    } catch {
        throw JobFailure.permanent("payload_unreadable")
    }
}
