import Bus
import Contracts
import Core
import Crypto

/// Streamed bodies are passed on piece by piece: the next one is read when the service has taken the one before it.
extension Gateway {
    /// How long it is tried to tell the service that a body has broken off: its client waits for the answer meanwhile.
    private static let partingTime: Duration = .seconds(2)

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
        var number = 0
        do throws(Problem) {
            return try await pass(flow, of: type, operation, parameters, exchange, &number)
        } catch {
            // In the name of whoever may no longer nothing is asked.
            if error.status != 401 { await end(operation, parameters, exchange, of: type, at: number) }
            throw error
        }
    }

    /// - Parameter number: of the piece that comes next, or is with the service.
    private func pass(
        _ flow: BodyFlow,
        of type: String,
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange,
        _ number: inout Int
    ) async throws(Problem) -> ClientReply {
        var place: FlowRoom.Place?
        defer { if let place { flows.leave(place) } }
        // What a client's own key was used with before is told by all of the body.
        var digest = SHA256()
        while true {
            let (bytes, isLast) = try await flow.next()
            // What is whole with its first piece is a request like others.
            if !isLast, place == nil {
                let kind = operation.isPublic ? FlowRoom.Kind.unproved : .signedIn
                place = flows.enter(kind, exchange.clinic, from: exchange.address)
                guard place != nil else { throw .unavailable("Room for another upload") }
            }
            if number > 0, !operation.isPublic {
                guard await policy.becomesFresh() else { throw .unavailable("The access policy") }
                guard isStillAllowed(operation, exchange) else { throw .unauthenticated }
            }
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
                // Nobody has looked at the piece: those before it are still there.
                if reply.status == 503 { await end(operation, parameters, exchange, of: type, at: number) }
                try await recordRefusal(reply.status, operation, parameters, exchange)
                return clientReply(reply, operation, exchange)
            }
            number += 1
        }
    }

    /// Has the service let go of what it took of a body that comes no further, or whose next piece it did not answer; what it is not
    /// told of expires.
    ///
    /// Of whoever is not signed in it keeps pieces for moments only.
    private func end(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange,
        of type: String,
        at number: Int
    ) async {
        guard number > 0, !operation.isPublic,
            let input = try? operation.assembler.assemble(
                path: parameters,
                query: exchange.head.query,
                contentType: nil,
                body: []
            )
        else { return }
        let piece = BodyPiece(contentType: type, number: number, isLast: false, isBroken: true)
        var request = busRequest(operation, exchange, input: input, piece: piece)
        request.deadline = .after(Self.partingTime)
        _ = try? await ask(operation, request)
    }
}
