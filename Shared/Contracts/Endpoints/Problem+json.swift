package import Core

extension Problem {
    /// The media type of `body(instance:)` (RFC 9457).
    package static let mediaType = "application/problem+json"

    /// What names the kind of problem.
    package var typeURI: String { "urn:polyclinic:problem:\(code)" }

    /// The problem as a client reads it.
    ///
    /// `instance` is the id of the request.
    package func body(instance: RequestID) -> [UInt8] {
        var members = [
            ("type", JSONWriter.quoted(typeURI)), ("title", JSONWriter.quoted(title)),
            ("status", "\(status)"), ("detail", JSONWriter.quoted(detail)),
            ("instance", JSONWriter.quoted("\(instance)")),
            ("code", JSONWriter.quoted(code)), ("retryable", retryable ? "true" : "false"),
        ]
        if !errors.isEmpty { members.append(("errors", "[\(errors.map(\.json).joined(separator: ","))]")) }
        members += extensions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        return Array("{\(members.map { "\(JSONWriter.quoted($0.0)):\($0.1)" }.joined(separator: ","))}".utf8)
    }
}

extension Problem.Fault {
    fileprivate var json: String {
        let place =
            if let parameter { "\"parameter\":\(JSONWriter.quoted(parameter))" } else {
                "\"pointer\":\(JSONWriter.quoted(pointer ?? ""))"
            }
        return "{\(place),\"detail\":\(JSONWriter.quoted(detail))}"
    }
}
