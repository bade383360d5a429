import Authorization
import Bus
import Contracts
import Core
import Logging
import Outbox
import Postgres
import Telemetry

/// What happens around every handler: decision → kept reply → handler with its audit entry in one transaction → reply.
struct Dispatcher: Sendable {
    let service: ServiceName
    let handlers: [String: HandlerTable.Entry]
    let database: Database
    let replies: IdempotencyStore
    let policy: PolicyFollower
    let log: Logger
    let auditWriter: AuditWriter

    init(
        service: ServiceName,
        handlers: [String: HandlerTable.Entry],
        database: Database,
        replies: IdempotencyStore,
        policy: PolicyFollower,
        log: Logger
    ) {
        self.service = service
        self.handlers = handlers
        self.database = database
        self.replies = replies
        self.policy = policy
        self.log = log
        auditWriter = AuditWriter(database: database)
    }

    /// Serves one entry of the request stream.
    func answer(_ request: BusRequest, redelivered: Bool) async -> RequestServer.Answer {
        var log = log
        log[metadataKey: "request_id"] = "\(request.id)"
        log[metadataKey: "trace_id"] = "\(request.trace.traceID)"
        log[metadataKey: "operation"] = "\(request.operation)"
        guard let entry = handlers[request.operation] else {
            return .reply(Problem.notFound.reply(to: request.id))
        }
        do {
            var context = OperationContext(
                request: request,
                tape: try JSONTape(request.input),
                endpoint: entry.endpoint,
                scope: request.scope,
                database: database,
                log: log,
                now: .now(),
                redelivered: redelivered,
                dispatcher: self
            )
            switch await decide(request, entry.endpoint) {
            case .success(let scope): context.scope = scope
            case .failure(let problem):
                if problem.status == 403 || problem.status == 404 { try await recordDenial(problem, context) }
                return .reply(problem.reply(to: request.id))
            }
            if entry.looksUpFirst, context.mayHaveRun, let kept = try await replies.find(context) {
                return .reply(kept)
            }
            do {
                return .reply(try await entry.run(context))
            } catch let kept as IdempotentReplay {
                return .reply(kept.answer)
            } catch  where !(error is LeavePending) && !Problem.isCommitUnknown(error) {
                let problem = Problem(error, log: log)
                try await recordFailure(problem, context)
                return .reply(problem.reply(to: request.id))
            }
        } catch is LeavePending {
            return .leavePending
        } catch  where Problem.isCommitUnknown(error) {
            // The effect may be there: only its key can tell, so the entry waits for its redelivery.
            return entry.endpoint.keepsReplies
                ? .leavePending : .reply(Problem.unavailable("The database").reply(to: request.id))
        } catch {
            return .reply(Problem(error, log: log).reply(to: request.id))
        }
    }

    /// The gateway has decided; a service that knows a newer policy decides anew, one that hears of none refuses.
    private func decide(_ request: BusRequest, _ endpoint: any EndpointDescription) async -> Result<Scope, Problem> {
        guard case .permission(let permission) = endpoint.guard, let caller = Caller(request.principal) else {
            return .success(request.scope)
        }
        // Requests are taken on from the first moment of a process, before it has heard of a policy.
        guard await policy.becomesFresh() else { return .failure(.unavailable("The access policy")) }
        if let emergency = request.principal.emergency, let user = caller.user {
            return decide(request, endpoint, permission, emergency, of: user)
        }
        // The policy is asked in place: copying it would touch every reference count in it.
        let newer = policy.withSnapshot { snapshot -> Decision? in
            guard snapshot.version > request.accessVersion else { return nil }
            return snapshot.decide(
                caller,
                clinic: request.clinic,
                permission: PermissionCatalog.bit(of: permission),
                at: .now()
            )
        }
        guard let decision = newer else { return .success(request.scope) }
        switch decision.outcome {
        case .allowed(let scope): return .success(scope)
        case .forbidden: return .failure(.forbidden(permission.name))
        case .notMember: return .failure(.notFound)
        case .revoked, .inactive: return .failure(.unauthenticated)
        }
    }
}

extension Dispatcher {
    /// Emergency access is for reading one patient's record, and not a moment longer than it lasts.
    private func decide(
        _ request: BusRequest,
        _ endpoint: any EndpointDescription,
        _ permission: Permission,
        _ emergency: Emergency,
        of user: UserID
    ) -> Result<Scope, Problem> {
        let now = Instant.now()
        let isKnown = policy.withSnapshot { snapshot -> Bool in
            // A policy older than the gateway's may not have it yet; then the gateway's word stands.
            guard snapshot.version >= request.accessVersion, let clinic = request.clinic else { return true }
            return snapshot.emergencies(of: user, in: clinic, at: now).contains { $0.id == emergency.id }
        }
        guard isKnown, emergency.expiresAt > now, endpoint.verb == .GET, Roles.opensInEmergency(permission) else {
            return .failure(.forbidden(permission.name))
        }
        return .success(.own(emergency.patient))
    }
}

/// Another delivery of the same entry is at work; this one must neither run nor answer.
struct LeavePending: Error {}

/// The reply of an earlier delivery, found under the lock; leaves the transaction without doing anything.
struct IdempotentReplay: Error {
    let answer: BusReply
}

extension EndpointDescription {
    /// Changes keep their reply under the request's key.
    ///
    /// A sign-in does not: its reply is a secret and doing it again harms nobody.
    var keepsReplies: Bool {
        if case .change = audit { true } else { false }
    }
}

extension OperationContext {
    /// Whether a kept reply may exist: the client chose the key, or the bus delivered the entry before.
    var mayHaveRun: Bool { endpoint.keepsReplies && (redelivered || request.clientKey) }
}

extension Problem {
    /// Anything thrown by a handler, as a client may see it; what is unexpected is logged and answered as 500.
    init(_ error: any Error, log: Logger) {
        switch error {
        case let problem as Problem: self = problem
        case let error as DatabaseError: self = Problem(error, log: log)
        case is CancellationError: self = .unavailable("The service")
        default:
            log.error("operation failed", metadata: ["error_type": "\(type(of: error))"])
            self = .internal
        }
    }

    private init(_ error: DatabaseError, log: Logger) {
        switch error.code {
        case .poolExhausted, .connectionLost, .cancelled, .statementTimeout, .lockTimeout, .serialization:
            self = .unavailable("The database")
        default:
            log.error(
                "statement failed",
                metadata: ["sql_state": "\(error.code)", "constraint": "\(error.constraint ?? "")"]
            )
            self = .internal
        }
    }

    static func isCommitUnknown(_ error: any Error) -> Bool {
        (error as? DatabaseError)?.code == .commitUnknown
    }
}
