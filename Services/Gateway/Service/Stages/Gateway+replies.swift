import Bus
import Contracts
import Core
import NIOHTTP1

/// Replies as clients get them.
extension Gateway {
    /// A service's answer; 304 where the client has it already.
    func clientReply(_ reply: BusReply, _ operation: Operation, _ exchange: Exchange) -> ClientReply {
        let headers: [(name: String, value: String)] = reply.headers.map { ($0.0, $0.1) }
        if operation.verb == .GET, reply.status == 200, let wanted = exchange.head.ifNoneMatch,
            let tag = headers.first(where: { $0.name.isSame(as: "etag") })?.value, EntityTag.matches(wanted, tag)
        {
            return ClientReply(status: 304, headers: headers)
        }
        var client = ClientReply(
            status: reply.status,
            headers: headers,
            body: reply.body,
            isStreamed: reply.nextPage != nil
        )
        // A list with nothing in it is still of its kind.
        if client.allowsBody, !reply.contentType.isEmpty { client.headers.append(("Content-Type", reply.contentType)) }
        return client
    }

    func problemReply(_ problem: Problem, _ exchange: Exchange) -> ClientReply {
        var reply = ClientReply(status: problem.status, headers: [("Content-Type", Problem.mediaType)])
        if let wait = problem.retryAfter { reply.headers.append(("Retry-After", String(wait))) }
        if !problem.allow.isEmpty { reply.headers.append(("Allow", problem.allow.joined(separator: ", "))) }
        if problem.status == 401, !exchange.isWebhook {
            let hasToken = exchange.head.authorization != nil
            reply.headers.append(("WWW-Authenticate", hasToken ? "Bearer error=\"invalid_token\"" : "Bearer"))
        }
        reply.body = problem.body(instance: exchange.id)
        return reply
    }

    func optionsReply(_ exchange: Exchange) -> ClientReply {
        if exchange.head.requestedMethod != nil {
            return ClientReply(status: 204, headers: crossOrigin.preflight(for: exchange.head.origin))
        }
        switch exchange.request.route {
        case .notFound, .unreadable: return problemReply(.notFound, exchange)
        case .page: return ClientReply(status: 204, headers: [("Allow", "GET, HEAD")])
        case .operation, .methodNotAllowed:
            guard case .methodNotAllowed(let allowed) = exchange.request.route else {
                return ClientReply(status: 204)
            }
            return ClientReply(status: 204, headers: [("Allow", allowed.joined(separator: ", "))])
        }
    }

    /// What every reply carries.
    func finish(_ reply: inout ClientReply, _ exchange: Exchange) {
        reply.headers.append(("X-Request-Id", exchange.id.description))
        if let key = exchange.idempotencyKey { reply.headers.append(("Idempotency-Key", key)) }
        if let limits = exchange.limits {
            reply.headers.append(("RateLimit-Policy", limits.policy))
            reply.headers.append(("RateLimit", limits.limit))
        }
        if exchange.head.requestedMethod == nil {
            reply.headers += crossOrigin.headers(for: exchange.head.origin)
        }
        reply.headers.append(("X-Content-Type-Options", "nosniff"))
        reply.headers.append(("X-Frame-Options", "DENY"))
        reply.headers.append(("Referrer-Policy", "no-referrer"))
        if isHTTPS { reply.headers.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains")) }
        if !reply.headers.contains(where: { $0.name.isSame(as: "cache-control") }) {
            reply.headers.append(("Cache-Control", "no-store"))
        }
        if !reply.headers.contains(where: { $0.name.isSame(as: "content-security-policy") }) {
            reply.headers.append(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
        }
        if exchange.head.method == .HEAD { reply.isBodyOmitted = true }
        if exchange.request.isLast || isDraining { reply.closes = true }
    }
}

/// Entity tags in conditional requests (RFC 9110 §8.8.3).
enum EntityTag {
    /// Whether a list names the tag, compared weakly.
    static func matches(_ list: String, _ tag: String) -> Bool {
        let opaque = strong(tag[...])
        return FieldList.elements(list).contains { $0 == "*" || strong($0) == opaque }
    }

    private static func strong(_ tag: Substring) -> Substring { tag.hasPrefix("W/") ? tag.dropFirst(2) : tag }
}
