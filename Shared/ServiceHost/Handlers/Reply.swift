package import Core

/// What a handler answers with, and what the audit trail is to know of it.
package struct Reply<Output: Sendable>: Sendable {
    /// The body; `EmptyOutput` is a 204.
    package var output: Output
    /// Another status than the endpoint's declared one.
    package var status: Int?
    /// The resource's version, sent as a strong `ETag`.
    package var version: Int64?
    /// The path of a created resource, without host.
    package var location: String?
    /// What the audit entry says beyond the endpoint's declaration.
    package var audit: AuditDetail
    /// What a repeated request with the same key gets instead of `output`, where that shows a secret once.
    package var replayed: Output?
    /// The body where it is not JSON.
    package var written: WrittenBody?

    package init(
        _ output: Output,
        status: Int? = nil,
        version: Int64? = nil,
        location: String? = nil,
        audit: AuditDetail = AuditDetail(),
        replayed: Output? = nil
    ) {
        self.output = output
        self.status = status
        self.version = version
        self.location = location
        self.audit = audit
        self.replayed = replayed
    }
}

/// A body in a form of its own.
package struct WrittenBody: Sendable {
    package var bytes: [UInt8]
    package var contentType: String

    package init(_ bytes: [UInt8], contentType: String) {
        self.bytes = bytes
        self.contentType = contentType
    }
}

/// Ids for the audit entry of one operation; never names, addresses or bodies.
package struct AuditDetail: Hashable, Sendable {
    package var resourceID: String?
    package var patient: PatientID?
    /// A code, not a sentence.
    package var reason: String?

    package init(resource: String? = nil, patient: PatientID? = nil, reason: String? = nil) {
        resourceID = resource
        self.patient = patient
        self.reason = reason
    }
}

/// One page of a streamed reply, at most 256 KiB, and where the next one begins.
package struct StreamPage: Sendable {
    package static let largestChunk = 256 * 1_024

    package var chunk: [UInt8]
    package var contentType: String
    /// `nil` ends the stream.
    ///
    /// Seen by the gateway only.
    package var next: String?
    /// Sent with the first page only.
    package var headers: [(String, String)]

    package init(_ chunk: [UInt8], contentType: String, next: String?, headers: [(String, String)] = []) {
        self.chunk = chunk
        self.contentType = contentType
        self.next = next
        self.headers = headers
    }
}
