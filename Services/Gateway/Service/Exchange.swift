import Authorization
import Contracts
import Core

/// One request on its way through the stages, with what each has found out.
struct Exchange: Sendable {
    let request: ClientRequest
    let id: RequestID
    let trace: TraceContext
    /// The client's address, past trusted proxies.
    let address: String
    /// The signed-in caller; `nil` on public operations.
    var caller: Caller?
    var clinic: ClinicID?
    var principal = Principal.anonymous
    var scope = Scope.account
    /// Emergency access that the caller has and that has not been needed so far.
    var emergencies: [EmergencyGrant] = []
    var accessVersion: Int64 = 0
    /// The media type of a success.
    var media = ""
    var idempotencyKey: String?
    var isClientsKey = false
    var limits: RateLimiter.Verdict?

    init(_ request: ClientRequest, address: String) {
        self.request = request
        self.address = address
        id = RequestID(at: request.receivedAt)
        trace = request.head.traceparent.flatMap { TraceContext(traceparent: $0) }?.child() ?? TraceContext()
    }

    var head: RequestHead { request.head }

    /// From here on the request is made under an emergency access: one patient's record, and every entry says so.
    mutating func use(_ emergency: EmergencyGrant) {
        principal.emergency = Emergency(
            id: emergency.id,
            patient: emergency.patientId,
            expiresAt: emergency.expiresAt
        )
        scope = .own(emergency.patientId)
    }

    /// Whether a provider is to show who it is by a signature, not by a token.
    var isWebhook: Bool { if case .signature? = operation?.guard { true } else { false } }

    /// The operation, where the request found one.
    var operation: Operation? {
        if case .operation(let operation, _) = request.route { operation } else { nil }
    }
}
