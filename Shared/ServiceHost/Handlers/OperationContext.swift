package import Bus
package import Contracts
package import Core
package import Logging
package import Postgres
import Synchronization

/// Everything a handler may know about the request it serves.
///
/// Always the last parameter but the transaction.
package struct OperationContext: Sendable {
    package let request: BusRequest
    /// The request's input, parsed once for all that look into it.
    let tape: JSONTape
    package let endpoint: any EndpointDescription
    /// The decision's reach, possibly narrower than the gateway's when this service knew better.
    package internal(set) var scope: Scope
    package let database: Database
    package let log: Logger
    /// The moment the request began to be served; one operation sees one time.
    package let now: Instant
    /// An earlier delivery of this request may have had its effect.
    package let redelivered: Bool
    let dispatcher: Dispatcher
    /// Set by `commit`; the dispatcher answers with it.
    let committed = Committed()

    package var requestID: RequestID { request.id }
    package var principal: Principal { request.principal }
    package var deadline: Deadline { request.deadline }
    package var trace: TraceContext { request.trace }
    package var source: RequestSource { request.source }
    package var idempotencyKey: String { request.idempotencyKey }
    /// The same for all requests with this one's key, and for no others.
    package var keyHash: [UInt8] { IdempotencyStore.hash(of: self) }
    /// Ends a request while another with its key is at work: with 409; with no reply where the bus has brought it again.
    package var inProgress: any Error { redelivered ? LeavePending() : Problem.requestInProgress }
    /// What the reply may be written as, from the client's `Accept`.
    package var accept: String? { request.accept }
    /// The languages that whoever is answered with a page reads, as their browser says; `nil` for all other replies.
    package var acceptLanguage: String? { request.headers[BusRequest.acceptLanguage] }

    /// The clinic of the request; operations without one (`Tenancy.none`) work for the installation.
    package var clinic: ClinicID { request.clinic ?? .installation }

    /// What a transaction of this operation is opened for.
    package var tenant: Tenant { Tenant(clinic, actor: principal.id, scope: scope) }

    /// Throws 412 when the client's `If-Match` names another version, 428 when the endpoint needs one and none came.
    package func checkMatch(version: Int64) throws(Problem) {
        guard let wanted = request.ifMatch else {
            if case .required = endpoint.precondition { throw .preconditionRequired("If-Match") }
            return
        }
        if wanted == "*" { return }
        let tag = "\"\(version)\""
        if !FieldList.elements(wanted).contains(where: { $0 == tag }) { throw .preconditionFailed }
    }

    /// Throws 412 when the client said `If-None-Match: *` (create only) and the resource exists.
    package func checkNotThere() throws(Problem) {
        if request.ifNoneMatch == "*" { throw .preconditionFailed }
    }

    /// Throws 428 unless the client said `If-None-Match: *` on the first PUT of something that needs preconditions.
    package func checkCreates() throws(Problem) {
        // No version of what is not there can be meant.
        if request.ifMatch != nil { throw .preconditionFailed }
        if case .required = endpoint.precondition, request.ifNoneMatch != "*" {
            throw .preconditionRequired("If-None-Match")
        }
    }

    /// Ends an operation of several steps: the effect, its audit entry, its events and the kept reply in one transaction.
    ///
    /// Throws what `body` throws; a `Problem` is answered as it is and nothing of the body stays.
    package func commit<Output: Wire>(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Reply<Output>
    ) async throws -> Reply<Output> {
        let (reply, answer) = try await dispatcher.commit(self, body)
        committed.answer = answer
        return reply
    }
}

/// The reply that `commit` made durable, handed from the handler's depth to the dispatcher.
final class Committed: Sendable {
    private let state = Mutex<BusReply?>(nil)

    var answer: BusReply? {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
