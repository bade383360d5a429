package import Core

/// The methods an operation may have.
package enum HTTPVerb: String, Hashable, Sendable, Codable, CaseIterable {
    case GET, POST, PUT, PATCH, DELETE
}

/// What a list of operations of different types shows of each.
package protocol EndpointDescription: Sendable {
    /// Unique over all services: `appointments.book`.
    var name: String { get }
    var verb: HTTPVerb { get }
    /// Below `/api/v1`, parameters as `{name}`, one that takes all that is left of the path as `{name...}`; a path that
    /// begins with `//` stands at the root.
    var path: String { get }
    var service: ServiceName { get }
    var `guard`: Guard { get }
    /// Permissions that the operation asks for by its own rules, past its guard: what somebody may do there, or is shown.
    var asksWithin: [Permission] { get }
    var tenancy: Tenancy { get }
    /// The status of success.
    var status: Int { get }
    /// Statuses that a success has beside it.
    var furtherStatuses: [Int] { get }
    var audit: AuditClass { get }
    var body: BodyKind { get }
    /// Bytes of a JSON body where it may have more than is usual, at most `BodyKind.mostBytes`.
    var mostBytes: Int? { get }
    /// The resource type of audit entries.
    var resource: String { get }
    /// Whether `Idempotency-Key` is accepted.
    var idempotent: Bool { get }
    var precondition: Precondition { get }
    /// Whether the reply is pulled page by page, as NDJSON or CSV too.
    var streams: Bool { get }
    /// Names of the input's members that stand in the query although there is a body.
    var query: [String] { get }
    /// How long the gateway waits.
    var deadline: Duration { get }
    /// The reply's first media type where that is not JSON.
    var media: String? { get }
    /// Media types that a reply may have beside the others.
    var furtherMedia: [String] { get }
    var summary: String { get }
    var errors: [ErrorCode] { get }
    /// Derived from the input type; throws `SchemaError` for a type that cannot be described.
    var inputSchema: Schema { get throws }
    /// Derived from the output type; `nil` when the reply has no body.
    var outputSchema: Schema? { get throws }
}

extension EndpointDescription {
    /// The `action` of audit entries: the permission, else the operation's name.
    package var auditAction: String { self.guard.permission?.name ?? name }

    /// The names between braces, in order.
    package var pathParameters: [String] {
        path.split(separator: "/").flatMap { segment -> [String] in
            guard let open = segment.firstIndex(of: "{"), let close = segment.firstIndex(of: "}") else { return [] }
            let name = segment[segment.index(after: open)..<close]
            return [String(name.hasSuffix("...") ? name.dropLast(3) : name)]
        }
    }

    /// Media types a success may have, the default first; none without a body.
    package var successMedia: [String] {
        if let media { return [media] + furtherMedia }
        guard (try? outputSchema) != nil else { return [] }
        return (streams ? ["application/json", "application/x-ndjson", "text/csv"] : ["application/json"])
            + furtherMedia
    }
}

extension EndpointDescription {
    /// Whether it makes what it replaces where that is not there yet.
    package var makesFirst: Bool {
        if case .required = precondition { verb == .PUT } else { false }
    }

    /// All statuses that a success may have, the usual one first.
    package var successStatuses: [Int] { [status] + furtherStatuses + (makesFirst ? [201] : []) }
}
