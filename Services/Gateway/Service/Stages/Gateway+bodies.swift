import Bus
import Contracts
import Core
import Crypto
import Synchronization

/// Streamed bodies are passed on piece by piece: the next one is read when the service has taken the one before it.
extension Gateway {
    /// Bodies of several pieces that one gateway passes on at once; each has at most one piece on the bus.
    static let mostFlows = 64

    /// Passes a body on and gives the service's answer to its last piece, or to the one that it refused.
    func pass(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange,
        _ types: [String]
    ) async throws(Problem) -> ClientReply {
        guard let flow = exchange.request.flow else { throw .bodyIncomplete }
        let type = ContentType.type(of: exchange.head.contentType)
        guard types.isEmpty || types.contains(type) else {
            let known = types.joined(separator: ", ")
            throw Problem(415, "unsupported_media_type", "The Content-Type must be one of \(known).")
        }
        var isFlowing = false
        defer { if isFlowing { flowing.subtract(1, ordering: .relaxed) } }
        var number = 0
        // What a client's own key was used with before is told by all of the body.
        var digest = SHA256()
        while true {
            let (bytes, isLast) = try await flow.next()
            // What is whole with its first piece is a request like others.
            if !isLast, !isFlowing {
                isFlowing = true
                guard flowing.add(1, ordering: .relaxed).newValue <= Self.mostFlows else {
                    throw .unavailable("Room for another upload")
                }
            }
            guard number == 0 || isStillAllowed(operation, exchange) else { throw .unauthenticated }
            let input = try operation.assembler.assemble(
                path: parameters,
                query: exchange.head.query,
                contentType: nil,
                body: bytes
            )
            var piece = BodyPiece(contentType: type, number: number, isLast: isLast)
            if exchange.isClientsKey {
                digest.update(data: bytes)
                if isLast { piece.digest = Array(digest.finalize()).hex }
            }
            let reply = try await ask(operation, busRequest(operation, exchange, input: input, piece: piece))
            guard !isLast, reply.status == BodyPiece.taken else {
                try await recordRefusal(reply.status, operation, parameters, exchange)
                return clientReply(reply, operation, exchange)
            }
            number += 1
        }
    }
}
