import AsyncHTTPClient
package import Core
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// What a provider answered.
package struct OutboundResponse: Sendable {
    package let status: Int
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first value of a header, whatever the case of its name.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// Whoever asks to be left alone longer is asked again after this.
    package static let longestPause: Duration = .seconds(86_400)

    /// `Retry-After`, in seconds or as a date: at least a second, at most `longestPause`.
    package func retryAfter(at now: Instant = .now()) -> Duration? {
        guard let text = header("retry-after") else { return nil }
        let most = Self.longestPause.components.seconds
        if let seconds = Int64(text) { return .seconds(min(max(seconds, 1), most)) }
        return HTTPDate.parse(text).map { min(max($0 - now, .seconds(1)), Self.longestPause) }
    }
}

/// Calls providers over HTTP: with a deadline, a bound on the answer, no redirects, and only to where the policy allows.
package final class OutboundHTTP: Sendable {
    /// Connecting and the TLS handshake together take no longer.
    package static let connectTime: Duration = .seconds(5)
    /// Calls to one host at a time; a further one waits for a connection.
    ///
    /// With an answer in 200 ms these are 640 a second.
    package static let mostCallsPerHost = 128
    /// The bound on an answer unless the caller sets another.
    package static let largestResponse = 1 << 20

    private let policy: OutboundPolicy
    private let client: HTTPClient
    private let logger: Logger

    /// - Parameter places: where connections to a name are made, by name; elsewhere the system's resolver says.
    package init(policy: OutboundPolicy, logger: Logger, places: [String: String] = [:]) {
        self.policy = policy
        self.logger = logger
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .nanoseconds(Self.connectTime.microseconds * 1_000)),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.dnsOverride = places
        // Its spans would carry whole addresses, with whatever ids a provider has put into them.
        configuration.tracing.tracer = nil
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.mostCallsPerHost
        // A refused connection is told at once; trying again is for those who know of other providers.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.http1_1ConnectionDebugInitializer = { channel in Self.checkPeer(of: channel, policy) }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit { client.shutdown { _ in } }

    /// Sends one request and waits for the whole answer, whatever its status.
    ///
    /// - Parameters:
    ///   - deadline: for everything from the look-up of the name to the last byte of the answer.
    ///   - maxResponse: bytes of the answer's body.
    package func send(
        method: String,
        url: String,
        headers: [(String, String)] = [],
        body: [UInt8] = [],
        deadline: Deadline,
        maxResponse: Int = largestResponse
    ) async throws(OutboundFailure) -> OutboundResponse {
        try await checkTarget(url)
        guard !deadline.hasPassed() else { throw .notSent(.deadline) }
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method)
        request.headers = HTTPHeaders(headers)
        let watched = WatchedBody(body)
        if !body.isEmpty { request.body = .bytes(watched, length: .known(Int64(body.count))) }
        let limit = NIODeadline.now() + .nanoseconds(deadline.remaining().microseconds * 1_000)
        do {
            let response = try await client.execute(request, deadline: limit, logger: logger)
            watched.markStarted()
            let bytes = try await Self.body(of: response, upTo: maxResponse, until: deadline)
            return OutboundResponse(
                status: Int(response.status.code),
                headers: response.headers.map { (name: $0.name, value: $0.value) },
                body: Array(bytes.readableBytesView)
            )
        } catch {
            throw Self.failure(error, hasBegun: watched.hasStarted, hasBody: !body.isEmpty)
        }
    }

    /// All of an answer's body; the client's own deadline ends with the head.
    private static func body(
        of response: HTTPClientResponse,
        upTo most: Int,
        until deadline: Deadline
    ) async throws -> ByteBuffer {
        let bytes = try await withTimeLimit(deadline.remaining()) { try await response.body.collect(upTo: most) }
        guard let bytes else { throw HTTPClientError.deadlineExceeded }
        return bytes
    }

    private func checkTarget(_ url: String) async throws(OutboundFailure) {
        do {
            let target = try OutboundURL(url)
            _ = try await policy.resolve(host: target.host, encrypted: target.isEncrypted)
        } catch OutboundError.unknownHost {
            throw .notSent(.dns)
        } catch is OutboundError {
            throw .notSent(.policy)
        } catch {
            throw .notSent(.cancelled)
        }
    }

    /// The address of the connection itself is checked before anything is written to it: a name may lead elsewhere by now.
    static func checkPeer(of channel: any Channel, _ policy: OutboundPolicy) -> EventLoopFuture<Void> {
        guard let address = channel.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }), policy.permits(address) else {
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(OutboundError.addressNotAllowed)
        }
        if policy.opens(address) { return channel.eventLoop.makeSucceededVoidFuture() }
        // Nothing goes unprotected to a public address, which a name may have come to lead to as well.
        return channel.pipeline.containsHandler(type: NIOSSLClientHandler.self).flatMapErrorThrowing { _ in
            channel.close(promise: nil)
            throw OutboundError.unencrypted
        }
    }

    /// What an error says about the request.
    ///
    /// - Parameter hasBegun: its body was on its way, or an answer came: it may have arrived, and so may one without a body.
    static func failure(_ error: any Error, hasBegun: Bool, hasBody: Bool) -> OutboundFailure {
        if !hasBegun, let kind = beforeSending(error) { return .notSent(kind) }
        if error is NIOTooManyBytesError { return .lost(.tooLarge) }
        let isTimeout = error as? HTTPClientError == .deadlineExceeded || error as? HTTPClientError == .readTimeout
        let isCancelled = error is CancellationError || error as? HTTPClientError == .cancelled
        guard hasBegun || !hasBody else { return .notSent(isTimeout ? .deadline : isCancelled ? .cancelled : .connect) }
        return .lost(isTimeout ? .deadline : isCancelled ? .cancelled : .closed)
    }

    /// Errors that come before a request is written, unless it has been begun.
    private static func beforeSending(_ error: any Error) -> OutboundFailure.NotSent? {
        switch error {
        case is OutboundError: return .policy
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: return .tls
        case let error as NIOConnectionError: return error.connectionErrors.isEmpty ? .dns : .connect
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .getConnectionFromPoolTimeout: return .connect
            case .tlsHandshakeTimeout: return .tls
            case .invalidURL, .emptyHost, .emptyScheme: return .policy
            default: return nil
            }
        default: return nil
        }
    }
}

/// A body that remembers whether somebody began to take it: from then on the request may have arrived.
///
/// The client takes it only when a connection is there and the head is on its way.
private final class WatchedBody: RandomAccessCollection, Sendable {
    private let bytes: [UInt8]
    private let started = Mutex(false)

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var hasStarted: Bool { started.withLock { $0 } }
    func markStarted() { started.withLock { $0 = true } }

    var startIndex: Int { bytes.startIndex }
    var endIndex: Int { bytes.endIndex }

    subscript(position: Int) -> UInt8 {
        markStarted()
        return bytes[position]
    }

    func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
        markStarted()
        return try unsafe bytes.withContiguousStorageIfAvailable(body)
    }
}
