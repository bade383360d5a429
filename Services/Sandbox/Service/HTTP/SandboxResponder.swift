import Contracts
import Core
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// Carries a call's connection, which a fault may close.
struct SandboxContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// Leads calls to the providers, with their faults, and to the sandbox's own pages.
struct SandboxResponder: HTTPResponder {
    typealias Context = SandboxContext

    /// The longest body taken.
    static let bodyBytesMax = 40 << 20

    let desk: FrontDesk

    func respond(to request: Request, context: SandboxContext) async throws -> Response {
        guard let buffer = try? await request.body.collect(upTo: Self.bodyBytesMax) else {
            return response(.problem(413, "The body is too large."))
        }
        let reply = await desk.answer(Self.read(request, Array(buffer.readableBytesView)))
        if reply.dropsConnection {
            try? await context.channel.close()
            throw CancellationError()
        }
        return response(reply)
    }

    private static func read(_ request: Request, _ body: [UInt8]) -> SandboxRequest {
        let uri = request.uri.string
        let halves = uri.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        var headers: [String: String] = [:]
        for field in request.headers {
            let name = field.name.canonicalName
            headers[name] = headers[name].map { "\($0), \(field.value)" } ?? field.value
        }
        if headers["host"] == nil { headers["host"] = request.head.authority }
        return SandboxRequest(
            method: request.method.rawValue,
            path: FormBody.decode(halves.first.map(Array.init) ?? []) ?? "/",
            target: uri,
            query: halves.count == 2 ? (FormBody.parse(halves[1]) ?? []).map { ($0.name, $0.value) } : [],
            headers: headers,
            body: body
        )
    }

    private func response(_ reply: SandboxReply) -> Response {
        var headers = HTTPFields()
        for (name, value) in reply.headers {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
        return Response(
            status: HTTPResponse.Status(code: reply.status),
            headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: reply.body))
        )
    }
}
