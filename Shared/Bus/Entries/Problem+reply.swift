import Contracts
package import Core

extension Problem {
    /// The problem as the bus carries it; the gateway passes it on as it is.
    package func reply(to request: RequestID) -> BusReply {
        var headers: [(String, String)] = []
        if let retryAfter { headers.append(("Retry-After", "\(retryAfter)")) }
        if !allow.isEmpty { headers.append(("Allow", allow.joined(separator: ", "))) }
        return BusReply(
            status: status,
            contentType: Self.mediaType,
            headers: headers,
            body: body(instance: request),
            nextPage: nil
        )
    }
}
