import AsyncHTTPClient
import Contracts
import Core
import Logging
import NIOCore
import NIOHTTP1
import TestKit

@testable import Sandbox

/// A sandbox of the test's own, on ports of the system's choice.
struct RunningSandbox: Sendable {
    let ports: SandboxService.Ports

    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let body: [UInt8]
        var json: JSONValue { (try? JSONTape(body).decode(JSONValue.self)) ?? .null }
    }

    /// Runs a sandbox while `body` runs.
    static func with(
        _ settings: SandboxSettings = SandboxSettings(),
        _ body: @escaping @Sendable (RunningSandbox) async throws -> Void
    ) async throws {
        let (listening, tell) = AsyncStream.makeStream(of: SandboxService.Ports.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
                try await SandboxService.run(settings, log: log) { tell.yield($0) }
            }
            defer { group.cancelAll() }
            for await ports in listening { return try await body(RunningSandbox(ports: ports)) }
        }
    }

    var url: String { "http://127.0.0.1:\(ports.http)" }

    /// A call; a connection that closes without an answer is `nil`.
    func call(
        _ method: String,
        _ path: String,
        headers: [(String, String)] = [],
        body: [UInt8] = []
    ) async -> Answer? {
        var request = HTTPClientRequest(url: url + path)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        // A client of its own: the shared one tries again by itself where a connection was reused.
        guard let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(20)),
            let content = try? await response.body.collect(upTo: 32 << 20)
        else { return nil }
        let named = response.headers.map { ($0.name.lowercased(), $0.value) }
        return Answer(
            status: Int(response.status.code),
            headers: Dictionary(named) { first, _ in first },
            body: Array(content.readableBytesView)
        )
    }

    func call(_ method: String, _ path: String, headers: [(String, String)] = [], json: JSONValue) async -> Answer? {
        await call(
            method,
            path,
            headers: [("Content-Type", "application/json")] + headers,
            body: (try? JSONWriter.encode(json)) ?? []
        )
    }

    /// A call to Stripe with a form.
    func stripe(
        _ method: String,
        _ path: String,
        _ form: String = "",
        key: String = "sk_test_1",
        headers: [(String, String)] = []
    ) async -> Answer? {
        let type = form.isEmpty ? [] : [("Content-Type", "application/x-www-form-urlencoded")]
        return await call(
            method,
            "/stripe\(path)",
            headers: [("Authorization", "Bearer \(key)")] + type + headers,
            body: Array(form.utf8)
        )
    }

    func messages(_ query: String = "") async throws -> [JSONValue] {
        guard case .array(let items) = await call("GET", "/messages\(query)")?.json["items"] else {
            throw TestKitError("no list of messages")
        }
        return items
    }
}
