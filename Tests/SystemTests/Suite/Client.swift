import AsyncHTTPClient
import Contracts
import Core
import Operator
import NIOCore
import NIOHTTP1
import TestKit

/// A client of the public API, for one person in one clinic.
struct Client: Sendable {
    static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 600
        // A request is repeated here by its key, never behind our back.
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    var base: String
    var token: String?
    var clinic: String?

    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONValue { (try? JSONTape(body).decode(JSONValue.self)) ?? .null }
        var items: [JSONValue] {
            let json = json
            if case .array(let items)? = json["items"] { return items }
            if case .array(let items) = json { return items }
            return []
        }
    }

    /// Any reply; throws when there is none.
    func send(
        _ verb: String,
        _ path: String,
        _ body: JSONValue? = nil,
        raw: [UInt8]? = nil,
        headers: [String: String] = [:],
        within: TimeAmount = .seconds(30)
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = HTTPMethod(rawValue: verb)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let clinic { request.headers.add(name: "X-Clinic-Id", value: clinic) }
        if body != nil || raw != nil {
            let type = verb == "PATCH" ? "application/merge-patch+json" : "application/json"
            request.headers.add(name: "Content-Type", value: type)
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let raw {
            request.body = .bytes(ByteBuffer(bytes: raw))
        } else if let body {
            request.body = .bytes(ByteBuffer(bytes: try JSONWriter.encode(body)))
        }
        let response = try await Self.http.execute(request, timeout: within)
        let content = try await response.body.collect(upTo: 64 << 20)
        let fields = response.headers.map { ($0.name.lowercased(), $0.value) }
        return Answer(
            status: Int(response.status.code),
            headers: Dictionary(fields) { first, _ in first },
            body: Array(content.readableBytesView)
        )
    }

    /// A reply of the wanted status.
    @discardableResult
    func expect(
        _ statuses: Int...,
        from verb: String,
        _ path: String,
        _ body: JSONValue? = nil,
        headers: [String: String] = [:]
    ) async throws -> Answer {
        let answer = try await send(verb, path, body, headers: headers)
        guard statuses.contains(answer.status) else {
            throw TestKitError("\(verb) \(path) answered \(answer.status), not \(statuses): \(answer.text.prefix(400))")
        }
        return answer
    }

    /// A change that is repeated with one key until it is certain: what a careful client does through any fault.
    func insist(_ path: String, _ body: JSONValue, within limit: Duration = .seconds(120)) async throws -> Answer {
        let key = ["Idempotency-Key": "\(RequestID())"]
        let deadline = ContinuousClock.now + limit
        while true {
            let answer = try? await send("POST", path, body, headers: key, within: .seconds(15))
            if let answer, !answer.isTransient { return answer }
            guard ContinuousClock.now < deadline else {
                throw TestKitError("POST \(path) is still not certain: \(answer?.text ?? "no reply")")
            }
            try await ContinuousClock().sleep(for: .milliseconds(100))
        }
    }

    func signedIn(_ person: DemoFile.Person, clinic: String? = nil) async throws -> Client {
        let answer = try await Client(base: base).expect(
            200,
            from: "POST",
            "/auth/login",
            ["email": .string(person.email), "password": .string(person.password)]
        )
        guard let token = answer.json["accessToken"]?.string else { throw TestKitError("a login without a token") }
        return Client(base: base, token: token, clinic: clinic)
    }
}

extension Client.Answer {
    /// Nothing is decided by this reply: the same request may be sent again.
    var isTransient: Bool {
        switch status {
        case 429, 500, 502, 503, 504: true
        case 409: json["retryable"] == .bool(true)
        default: false
        }
    }
}

extension JSONValue {
    /// The text of a member that must be there.
    func text(_ key: String) throws -> String {
        guard let text = self[key]?.string else { throw TestKitError("a reply without \(key): \(self)") }
        return text
    }
}
