import Authorization
import Bus
import Contracts
import Core
import NIOCore
import NIOHTTP1
import Logging
import Synchronization
import Telemetry

/// Answers requests: takes each through the stages, in this order, and sends what comes of it.
///
/// Limits and deadlines are the connection's; then request id and trace, route, sign-in, clinic, permission, rate limit,
/// input, bus. Nothing here knows an operation: all of it follows from the declarations.
final class Gateway: Sendable {
    /// What the gateway has of policy.
    struct Policy: Sendable {
        var snapshot: @Sendable () -> PolicySnapshot
        var isFresh: @Sendable () -> Bool
        /// The same after waiting a moment for it where it is not; what was fresh when it was asked is fresh enough.
        var becomesFresh: @Sendable () async -> Bool = { true }
        /// Asks for what is new; whether there was anything.
        var refresh: @Sendable () async -> Void = {}
    }

    let policy: Policy
    let tokens: TokenVerifier
    let limiter: RateLimiter
    let denials: DenialRecorder
    let keyUses: KeyUses
    let webhooks: WebhookPairCache
    let pages: Pages
    let crossOrigin: CrossOrigin
    let proxies: TrustedProxies
    let isHTTPS: Bool
    let send: @Sendable (BusRequest, ServiceName) async throws -> BusReply
    let log: Logger
    /// Bodies that are being passed on piece by piece.
    let flows = FlowRoom()
    private let draining = Atomic(false)

    init(
        policy: Policy,
        tokens: TokenVerifier,
        limiter: RateLimiter,
        denials: DenialRecorder,
        keyUses: KeyUses,
        webhooks: WebhookPairCache,
        pages: Pages,
        crossOrigin: CrossOrigin,
        proxies: TrustedProxies,
        isHTTPS: Bool,
        log: Logger,
        send: @escaping @Sendable (BusRequest, ServiceName) async throws -> BusReply
    ) {
        self.policy = policy
        self.tokens = tokens
        self.limiter = limiter
        self.denials = denials
        self.keyUses = keyUses
        self.webhooks = webhooks
        self.pages = pages
        self.crossOrigin = crossOrigin
        self.proxies = proxies
        self.isHTTPS = isHTTPS
        self.log = log
        self.send = send
    }

    /// From now on every reply ends its connection and nobody is told that we are ready.
    func drain() { draining.store(true, ordering: .releasing) }
    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// Answers one request; returns once the reply is handed to the connection, a streamed one with its last page.
    func answer(_ request: ClientRequest, on connection: ClientConnection) async {
        let address = proxies.clientAddress(peer: request.peer, forwardedFor: request.head.forwardedFor)
        var exchange = Exchange(request, address: address)
        var following: String?
        var reply: ClientReply
        do throws(Problem) {
            (reply, following) = try await handle(&exchange)
        } catch {
            reply = problemReply(error, exchange)
        }
        finish(&reply, exchange)
        connection.send(reply)
        if let following { await stream(after: following, exchange, to: connection) }
        note(reply.status, exchange)
    }

    private func handle(_ exchange: inout Exchange) async throws(Problem) -> (ClientReply, nextPage: String?) {
        if let refusal = exchange.request.refusal {
            // A client learns under which key to repeat even what was refused before it was read.
            if case .operation(let operation, _) = exchange.request.route { try? chooseKey(operation, &exchange) }
            throw refusal
        }
        if exchange.head.method == .OPTIONS { return (optionsReply(exchange), nil) }
        switch exchange.request.route {
        case .operation(let operation, let parameters):
            return try await perform(operation, parameters, &exchange)
        case .page(let page): return (await pages.reply(page, exchange, isDraining: isDraining), nil)
        case .notFound, .unreadable: throw .notFound
        case .methodNotAllowed(let allowed):
            var problem = Problem(405, "method_not_allowed", "The resource does not have this method.")
            problem.allow = allowed
            throw problem
        }
    }

    private func perform(
        _ operation: Operation,
        _ parameters: [(name: String, value: String)],
        _ exchange: inout Exchange
    ) async throws(Problem) -> (ClientReply, nextPage: String?) {
        try chooseKey(operation, &exchange)
        if operation.isPublic {
            try resolvePublicClinic(operation, parameters, &exchange)
            await identify(&exchange)
        } else {
            try await authorise(operation, parameters, &exchange)
        }
        try limit(operation, &exchange)
        guard let media = MediaType.choose(exchange.head.accept, from: operation.media) else {
            throw Problem(
                406,
                "not_acceptable",
                "This operation answers with \(operation.media.joined(separator: ", "))."
            )
        }
        exchange.media = media
        // What signatures are over, and what limits count, are bytes as they came.
        guard exchange.head.fields["content-encoding"].allSatisfy({ $0.isSame(as: "identity") }) else {
            throw Problem(415, "unsupported_media_type", "Bodies are taken without a Content-Encoding.")
        }
        try await refuseStranger(operation, parameters, exchange)
        if case .streamed(_, let types) = operation.body {
            return (try await pass(operation, parameters, exchange, types), nil)
        }
        let input = try await input(operation, parameters, exchange)
        var reply = try await ask(operation, busRequest(operation, exchange, input: input))
        // What is outside the caller's own reach may be the record that an emergency access is for.
        for emergency in exchange.emergencies where reply.status == 404 {
            exchange.use(emergency)
            reply = try await ask(operation, busRequest(operation, exchange, input: input))
        }
        try await recordRefusal(reply.status, operation, parameters, exchange)
        return (clientReply(reply, operation, exchange), reply.nextPage)
    }

    /// What the service is given; a path that can lead to nothing is recorded as one that leads to nothing is.
    private func input(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange
    ) async throws(Problem) -> [UInt8] {
        do throws(Problem) {
            return try operation.assembler.assemble(
                path: parameters,
                query: exchange.head.query,
                contentType: exchange.head.contentType,
                body: Array(exchange.request.body.readableBytesView)
            )
        } catch {
            try await recordRefusal(error.status, operation, parameters, exchange, isOurs: true)
            throw error
        }
    }

    /// Sends to the service; whatever is not a problem of the client's making is one of ours.
    func ask(_ operation: Operation, _ request: BusRequest) async throws(Problem) -> BusReply {
        do {
            return try await send(request, operation.service)
        } catch let problem as Problem {
            throw problem
        } catch {
            throw .unavailable("The service")
        }
    }

    func busRequest(
        _ operation: Operation,
        _ exchange: Exchange,
        input: [UInt8],
        page: String? = nil,
        piece: BodyPiece? = nil
    ) -> BusRequest {
        BusRequest(
            id: exchange.id,
            operation: operation.name,
            clinic: exchange.clinic,
            principal: exchange.principal,
            scope: exchange.scope,
            accessVersion: exchange.accessVersion,
            deadline: .after(operation.deadline),
            trace: exchange.trace,
            idempotencyKey: exchange.idempotencyKey ?? exchange.id.description,
            clientKey: exchange.isClientsKey,
            ifMatch: exchange.head.ifMatch,
            ifNoneMatch: exchange.head.ifNoneMatch,
            source: RequestSource(address: exchange.address, userAgent: Self.shortened(exchange.head.userAgent)),
            accept: exchange.media,
            page: page,
            // What a provider signs is its own header, parameters and all.
            headers: (piece?.headers ?? [:])
                .merging(WebhookHeaders.passedOn(operation, exchange.head)) { $1 }
                .merging(PageHeaders.passedOn(exchange.media, exchange.head)) { $1 },
            input: input
        )
    }

    /// Longest user agent that is passed on and recorded, in characters.
    private static let longestUserAgent = 256

    private static func shortened(_ userAgent: String?) -> String { String((userAgent ?? "").prefix(longestUserAgent)) }

    private func note(_ status: Int, _ exchange: Exchange) {
        let took = Instant.now() - exchange.request.receivedAt
        exchange.operation?.note(status: status, took: took)
        guard log.logLevel <= .info else { return }
        var fields: [LogKey: String] = [
            .requestID: exchange.id.description, .traceID: exchange.trace.traceID, .status: String(status),
            .method: exchange.head.method.rawValue, .durationMilliseconds: String(took.milliseconds),
        ]
        fields[.operation] = exchange.operation?.name
        fields[.clinicID] = exchange.clinic?.description
        fields[.principal] = exchange.caller?.principal.id
        log.info("request", metadata: .fields(fields))
    }
}
