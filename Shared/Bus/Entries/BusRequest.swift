package import Core

/// Where a request came from, for the audit entry.
package struct RequestSource: Hashable, Sendable {
    package var address: String
    package var userAgent: String

    package init(address: String, userAgent: String) {
        self.address = address
        self.userAgent = userAgent
    }
}

/// One operation asked of a service, as the gateway has decided it.
package struct BusRequest: Hashable, Sendable {
    package var id: RequestID
    /// The endpoint's name.
    package var operation: String
    package var clinic: ClinicID?
    package var principal: Principal
    package var scope: Scope
    /// The access version the decision was made with.
    package var accessVersion: Int64
    /// On this process's clock; it travels in Redis time.
    package var deadline: Deadline
    package var trace: TraceContext
    package var idempotencyKey: String
    /// Whether the client chose the key.
    package var clientKey: Bool
    package var ifMatch: String?
    package var ifNoneMatch: String?
    package var source: RequestSource
    package var accept: String?
    /// Continuation of a streamed reply.
    package var page: String?
    /// A webhook's, where its signature stands among them, what is said of a body's piece, or the languages that a page is read in;
    /// nothing else.
    package var headers: [String: String]
    /// The input's JSON object.
    package var input: [UInt8]

    /// The header that says which languages a page is read in.
    package static let acceptLanguage = "accept-language"

    package init(
        id: RequestID = RequestID(),
        operation: String,
        clinic: ClinicID? = nil,
        principal: Principal,
        scope: Scope = .account,
        accessVersion: Int64 = 0,
        deadline: Deadline,
        trace: TraceContext = TraceContext(),
        idempotencyKey: String,
        clientKey: Bool = false,
        ifMatch: String? = nil,
        ifNoneMatch: String? = nil,
        source: RequestSource,
        accept: String? = nil,
        page: String? = nil,
        headers: [String: String] = [:],
        input: [UInt8] = []
    ) {
        self.id = id
        self.operation = operation
        self.clinic = clinic
        self.principal = principal
        self.scope = scope
        self.accessVersion = accessVersion
        self.deadline = deadline
        self.trace = trace
        self.idempotencyKey = idempotencyKey
        self.clientKey = clientKey
        self.ifMatch = ifMatch
        self.ifNoneMatch = ifNoneMatch
        self.source = source
        self.accept = accept
        self.page = page
        self.headers = headers
        self.input = input
    }
}
