/// Which other origins' pages may read replies: exact matches of a configured list, without credentials.
struct CrossOrigin: Sendable {
    static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
    static let requestHeaders =
        "Authorization, Content-Type, Accept, X-Clinic-Id, Idempotency-Key, If-Match, If-None-Match, traceparent"
    static let replyHeaders =
        "X-Request-Id, ETag, Location, Idempotency-Key, Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, "
        + "X-Audit-Size, traceparent"
    /// Seconds a preflight's answer may be kept.
    static let preflightAge = "600"

    let origins: Set<String>

    /// What to add to a reply.
    func headers(for origin: String?) -> [(name: String, value: String)] {
        guard !origins.isEmpty else { return [] }
        guard let origin, origins.contains(origin) else { return [("Vary", "Origin")] }
        return [
            ("Vary", "Origin"), ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", Self.replyHeaders),
        ]
    }

    /// The answer to a preflight request (Fetch §3.3.5), without which a browser does not send the request itself.
    func preflight(for origin: String?) -> [(name: String, value: String)] {
        guard let origin, origins.contains(origin) else { return [("Vary", "Origin")] }
        return [
            ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
            ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Methods", Self.methods),
            ("Access-Control-Allow-Headers", Self.requestHeaders), ("Access-Control-Max-Age", Self.preflightAge),
        ]
    }
}
