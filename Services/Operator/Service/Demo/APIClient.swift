import AsyncHTTPClient
import Contracts
import Core
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A client of the public API, as anybody could write it: JSON in, JSON out, one access token per person.
struct APIClient: Sendable {
    /// The largest reply it reads.
    static let largestReply = 64 << 20
    static let patience: Int64 = 60

    let base: String
    var token: String?
    var clinic: String?

    init(_ base: String, token: String? = nil, clinic: String? = nil) {
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        self.token = token
        self.clinic = clinic
    }

    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONValue { (try? JSONTape(body).decode(JSONValue.self)) ?? .null }
        subscript(_ key: String) -> JSONValue? { json[key] }
    }

    /// Any reply, refusals too.
    ///
    /// Throws when there is none.
    func send(
        _ verb: String,
        _ path: String,
        _ body: JSONValue? = nil,
        headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = HTTPMethod(rawValue: verb)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let clinic { request.headers.add(name: "X-Clinic-Id", value: clinic) }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body {
            let type = verb == "PATCH" ? "application/merge-patch+json" : "application/json"
            request.headers.add(name: "Content-Type", value: type)
            request.body = .bytes(ByteBuffer(bytes: try JSONWriter.encode(body)))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(Self.patience))
        let content = try await response.body.collect(upTo: Self.largestReply)
        let fields = response.headers.map { ($0.name.lowercased(), $0.value) }
        return Answer(
            status: Int(response.status.code),
            headers: Dictionary(fields) { first, _ in first },
            body: Array(content.readableBytesView)
        )
    }

    /// A reply with one of the wanted statuses.
    ///
    /// Throws `Unexpected` for any other.
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
            throw Unexpected("\(verb) \(path) answered \(answer.status), not \(statuses): \(answer.text.prefix(500))")
        }
        return answer
    }

    func get(_ path: String, headers: [String: String] = [:]) async throws -> Answer {
        try await expect(200, from: "GET", path, headers: headers)
    }

    /// Signs in and returns a client for that person in that clinic.
    func signedIn(_ person: DemoFile.Person, clinic: String? = nil) async throws -> APIClient {
        let answer = try await APIClient(base).expect(
            200,
            from: "POST",
            "/auth/login",
            ["email": .string(person.email), "password": .string(person.password)]
        )
        guard let token = answer["accessToken"]?.string else { throw Unexpected("a login without an access token") }
        return APIClient(base, token: token, clinic: clinic)
    }
}

/// The suite did not do what was expected of it.
struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension JSONValue {
    var items: [JSONValue] { if case .array(let items)? = self["items"] { items } else { [] } }
    var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }

    /// The text of a member that must be there.
    func text(_ key: String) throws -> String {
        guard let text = self[key]?.string else { throw Unexpected("a reply without \(key)") }
        return text
    }
}

/// Asks until the answer holds or the time is over; the last failure is thrown.
func eventually<R>(
    within limit: Duration,
    every pause: Duration = .milliseconds(100),
    _ ask: () async throws -> R
) async throws -> R {
    let end = ContinuousClock.now + limit
    while true {
        do {
            return try await ask()
        } catch {
            if ContinuousClock.now >= end { throw error }
            try await Task.sleep(for: pause)
        }
    }
}
