import Contracts
import Core
import Logging
import Outbound
import Sandbox
import Testing

/// A sandbox of the test's own: all providers, and what they took.
struct SandboxPlace: Sendable {
    let ports: SandboxService.Ports
    private let http: OutboundHTTP

    var zeptomail: String { url("zeptomail") }
    /// Where a provider is played.
    func url(_ provider: String) -> String { "http://127.0.0.1:\(ports.http)/\(provider)" }
    var smtpPort: Int { ports.smtp }
    /// A host of this machine at which nothing listens; another one each time, as clinics share what is known of a host.
    static var nobody: String {
        "127.\(UInt8.random(in: 1...254)).\(UInt8.random(in: 0...255)).\(UInt8.random(in: 1...254))"
    }
    static var nowhere: String { "http://\(nobody):9" }

    /// Runs a sandbox around the body.
    static func with(
        _ settings: SandboxSettings = SandboxSettings(),
        _ body: @Sendable @escaping (SandboxPlace) async throws -> Void
    ) async throws {
        let log = Logger(label: "sandbox", factory: { _ in SwiftLogNoOpLogHandler() })
        let (ports, listening) = AsyncStream<SandboxService.Ports>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await SandboxService.run(settings, log: log) { listening.yield($0) } }
            var iterator = ports.makeAsyncIterator()
            let found = try #require(await iterator.next())
            let http = OutboundHTTP(policy: try OutboundPolicy(allow: "loopback"), logger: log)
            try await body(SandboxPlace(ports: found, http: http))
            group.cancelAll()
        }
    }

    /// Makes a provider fail; with `nil` it is well again.
    ///
    /// - Parameters:
    ///   - rate: the share of calls that it hits; all when `nil`.
    ///   - retryAfter: seconds that its answers name.
    func fault(
        _ kind: String?,
        of provider: String,
        times: Int? = nil,
        rate: Double? = nil,
        retryAfter: Int? = nil
    ) async throws {
        let url = "http://127.0.0.1:\(ports.http)/faults/\(provider)"
        var fault: [String: JSONValue] = [:]
        if let kind { fault["kind"] = .string(kind) }
        if let times { fault["times"] = .integer(Int64(times)) }
        if let rate { fault["rate"] = .number(rate) }
        if let retryAfter { fault["retryAfter"] = .integer(Int64(retryAfter)) }
        let response = try await http.send(
            method: kind == nil ? "DELETE" : "PUT",
            url: url,
            headers: [("Content-Type", "application/json")],
            body: kind == nil ? [] : try JSONWriter.encode(JSONValue.object(fault)),
            deadline: .after(.seconds(10))
        )
        try #require(response.status < 300, "\(response.status) \(String(decoding: response.body, as: UTF8.self))")
    }

    /// A call to the sandbox's own paths, or to a provider's; with a body it is a POST.
    @discardableResult
    func call(_ path: String, _ body: JSONValue? = nil, method: String? = nil) async throws -> JSONValue {
        let response = try await http.send(
            method: method ?? (body == nil ? "GET" : "POST"),
            url: "http://127.0.0.1:\(ports.http)\(path)",
            headers: [("Content-Type", "application/json")],
            body: try body.map { try JSONWriter.encode($0) } ?? [],
            deadline: .after(.seconds(10))
        )
        try #require(response.status < 300, "\(response.status) \(String(decoding: response.body, as: UTF8.self))")
        return response.body.isEmpty ? .null : try JSONTape(response.body).decode(JSONValue.self)
    }

    /// What arrived for an address, oldest first, by provider.
    func received(for address: String) async throws -> [(provider: String, message: JSONValue)] {
        let response = try await http.send(
            method: "GET",
            url: "http://127.0.0.1:\(ports.http)/messages",
            deadline: .after(.seconds(10)),
            maxResponse: 64 << 20
        )
        guard case .array(let items) = try JSONTape(response.body).decode(JSONValue.self)["items"] else { return [] }
        return items.filter { item in
            guard case .array(let to) = item["to"] else { return false }
            return to.contains(.string(address))
        }.map { ($0["provider"]?.string ?? "", $0) }
    }

    /// Registers an address that nobody has for a topic of SNS; gives what confirms it.
    func subscribe(_ topic: String) async throws -> String {
        let body: JSONValue = ["url": .string("\(Self.nowhere)/\(topic)"), "secret": .string(topic)]
        let response = try await http.send(
            method: "PUT",
            url: "http://127.0.0.1:\(ports.http)/webhooks/aws_ses",
            body: try JSONWriter.encode(body),
            deadline: .after(.seconds(10))
        )
        return try #require(try JSONTape(response.body).decode(JSONValue.self)["id"]?.string)
    }

    /// Whether an address has confirmed that it wants what a topic sends; `nil` for one that is not registered.
    func isConfirmed(_ id: String) async throws -> Bool? {
        let response = try await http.send(
            method: "GET",
            url: "http://127.0.0.1:\(ports.http)/webhooks/aws_ses",
            deadline: .after(.seconds(10))
        )
        guard case .array(let items) = try JSONTape(response.body).decode(JSONValue.self)["items"] else { return nil }
        return items.first { $0["id"]?.string == id }.map { $0["confirmed"] == .bool(true) }
    }
}
