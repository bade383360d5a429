package import Core

/// One operation: the only place it exists.
///
/// Routes, guards, OpenAPI, audit and tests derive from it.
package struct Endpoint<Input: Wire, Output: Wire>: EndpointDescription {
    /// How long the gateway waits unless the declaration says otherwise.
    package static var usualDeadline: Duration { .seconds(10) }

    package let name: String
    package let verb: HTTPVerb
    package let path: String
    package let service: ServiceName
    package let `guard`: Guard
    package let asksWithin: [Permission]
    package let tenancy: Tenancy
    package let status: Int
    package let furtherStatuses: [Int]
    package let audit: AuditClass
    package let body: BodyKind
    package let mostBytes: Int?
    package let resource: String
    package let idempotent: Bool
    package let precondition: Precondition
    package let streams: Bool
    package let query: [String]
    package let media: String?
    package let furtherMedia: [String]
    package let errors: [ErrorCode]
    package let deadline: Duration
    package let summary: String

    /// Declares an operation.
    ///
    /// Members of `Input` named in the path come from there; without a body the others come from the query. A POST or
    /// PUT takes JSON and a PATCH a merge patch unless `body` says otherwise. `Idempotency-Key` is accepted on POST,
    /// except below `/auth/`, `/webhooks/` and `/cron/`.
    package init(
        _ name: String,
        _ verb: HTTPVerb,
        _ path: String,
        service: ServiceName,
        guard: Guard,
        asksWithin: [Permission] = [],
        tenancy: Tenancy? = nil,
        takes: Input.Type = Input.self,
        gives: Output.Type = Output.self,
        status: Int? = nil,
        furtherStatuses: [Int] = [],
        audit: AuditClass,
        body: BodyKind? = nil,
        mostBytes: Int? = nil,
        resource: String? = nil,
        idempotent: Bool? = nil,
        precondition: Precondition = .none,
        streams: Bool = false,
        query: [String] = [],
        media: String? = nil,
        furtherMedia: [String] = [],
        errors: [ErrorCode] = [],
        deadline: Duration? = nil,
        summary: String
    ) {
        self.name = name
        self.verb = verb
        self.path = path
        self.service = service
        self.guard = `guard`
        self.asksWithin = asksWithin
        self.tenancy = tenancy ?? (path.contains("{clinicId}") ? .path : .header)
        self.status = status ?? (Output.self == EmptyOutput.self ? 204 : 200)
        self.furtherStatuses = furtherStatuses
        self.audit = audit
        self.body = body ?? Self.usualBody(of: verb)
        self.resource = resource ?? `guard`.permission?.resource ?? Self.resource(in: name)
        self.mostBytes = mostBytes
        let refusesKeys = ["/auth/", "/webhooks/", "/cron/"].contains { path.hasPrefix($0) }
        self.idempotent = idempotent ?? (verb == .POST && !refusesKeys)
        self.precondition = precondition
        self.streams = streams
        self.query = query
        self.media = media
        self.furtherMedia = furtherMedia
        self.errors = errors
        self.deadline = deadline ?? Self.usualDeadline
        self.summary = summary
    }

    package var inputSchema: Schema {
        get throws {
            let schema = try Schema.of(Input.self)
            return body == .mergePatch ? schema.asMergePatch : schema
        }
    }

    package var outputSchema: Schema? {
        get throws { Output.self == EmptyOutput.self ? nil : try Schema.of(Output.self) }
    }

    private static func usualBody(of verb: HTTPVerb) -> BodyKind {
        switch verb {
        case .GET, .DELETE: .none
        case .POST, .PUT: .json
        case .PATCH: .mergePatch
        }
    }

    private static func resource(in name: String) -> String {
        String(name.split(separator: ".").dropLast().last ?? Substring(name))
    }
}

/// An operation that takes nothing.
package struct EmptyInput: Wire {
    package init() {}
}

/// An operation whose reply has no body (204).
package struct EmptyOutput: Wire {
    package init() {}
}
