/// What went wrong, as a client may see it: RFC 9457, without anything the server keeps to itself.
package struct Problem: Error, Hashable, Sendable {
    /// One fault of a request; `pointer` is a JSON pointer into the body, `parameter` a query, path or header name.
    package struct Fault: Hashable, Sendable, Codable {
        package var pointer: String?
        package var parameter: String?
        package var detail: String

        package init(pointer: String, _ detail: String) {
            self.pointer = pointer
            self.detail = detail
        }

        package init(parameter: String, _ detail: String) {
            self.parameter = parameter
            self.detail = detail
        }
    }

    /// The HTTP status.
    package var status: Int
    /// Stable, snake_case; clients branch on it.
    package var code: String
    /// A sentence for a person.
    ///
    /// Never a value of a patient, a secret, SQL or a stack trace.
    package var detail: String
    /// Whether the same request may succeed later without being changed.
    package var retryable: Bool
    /// All faults of the input, at most `mostErrors`.
    package var errors: [Fault]
    /// Seconds for `Retry-After`.
    package var retryAfter: Int?
    /// Members beyond the standard ones (`alternatives` of `slot_taken`), as encoded JSON values by name.
    package var extensions: [String: String]
    /// Methods for `Allow`.
    package var allow: [String]

    package init(
        _ status: Int,
        _ code: String,
        _ detail: String,
        retryable: Bool = false,
        errors: [Fault] = [],
        retryAfter: Int? = nil,
        extensions: [String: String] = [:],
        allow: [String] = []
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.errors = errors
        self.retryAfter = retryAfter
        self.extensions = extensions
        self.allow = allow
    }
}

extension Problem {
    /// Most faults told of one request.
    package static let mostErrors = 50
    /// The code of a request with faults where no other says more.
    package static let invalidCode = "invalid"

    package static func malformed(_ detail: String) -> Problem { Problem(400, "malformed", detail) }
    package static let unauthenticated = Problem(401, "unauthenticated", "A valid access token is needed.")
    package static func forbidden(_ permission: String) -> Problem {
        Problem(403, "forbidden", "The permission \(permission) is needed.")
    }
    package static let notFound = Problem(404, "not_found", "There is no such resource.")
    package static func conflict(_ code: String, _ detail: String) -> Problem { Problem(409, code, detail) }
    package static func gone(_ code: String, _ detail: String) -> Problem { Problem(410, code, detail) }
    package static let preconditionFailed = Problem(
        412,
        "precondition_failed",
        "The resource has changed; read it again."
    )
    package static func preconditionRequired(_ header: String) -> Problem {
        Problem(428, "precondition_required", "The header \(header) is needed.")
    }
    package static func invalid(_ errors: [Fault]) -> Problem {
        Problem(
            422,
            invalidCode,
            "The request has \(errors.count == 1 ? "an error" : "\(errors.count) errors").",
            errors: errors
        )
    }
    package static func invalid(_ pointer: String, _ detail: String) -> Problem {
        .invalid([Fault(pointer: pointer, detail)])
    }
    /// 503: a dependency is down; `what` names it without addresses.
    package static func unavailable(_ what: String, retryAfter: Int = 1) -> Problem {
        Problem(503, "unavailable", "\(what) is not available.", retryable: true, retryAfter: retryAfter)
    }
    package static let replyTimeout = Problem(
        504,
        "reply_timeout",
        "The outcome is not known; repeat with the same Idempotency-Key.",
        retryable: true
    )
    package static let `internal` = Problem(500, "internal", "The request failed; its id leads to the log.")

    /// The status's standard phrase.
    package var title: String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Internal Server Error"
        }
    }
}
