import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// A provider that is reached by HTTP, at its own address or at the clinic's `endpoint`.
protocol HTTPProvider: MessageProvider {
    /// The provider's own base URL, without a slash at its end.
    static func usualBase(_ credentials: Credentials) -> String
}

extension HTTPProvider {
    /// Each may be reached at another base URL, where the operator's outbound policy allows it.
    static var shape: CredentialShape { CredentialShape(name, keys + [.optional("endpoint")], oneOf: oneOf) }

    /// The base URL in force, without a slash at its end.
    static func base(_ credentials: Credentials) -> String {
        guard let endpoint = credentials.text("endpoint") else { return usualBase(credentials) }
        return endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
    }

    static func endpoint(_ credentials: Credentials) -> String? {
        (try? OutboundURL(base(credentials))).map { "\($0.host.lowercased()):\($0.port)" }
    }

    /// What is wrong with the clinic's `endpoint`, if it has one.
    static func endpointFaults(_ credentials: Credentials, _ policy: OutboundPolicy) -> [CredentialFault] {
        guard let endpoint = credentials.text("endpoint") else { return [] }
        do { try policy.check(endpoint: endpoint) } catch { return [.init("endpoint", error.description)] }
        return []
    }

    /// What is wrong with a key that goes into a header as it is.
    static func keyFaults(_ credentials: Credentials, _ key: String) -> [CredentialFault] {
        let isToken = credentials.text(key)?.utf8.allSatisfy { (0x21...0x7E).contains($0) } == true
        return isToken ? [] : [.init(key, "has characters that no key has")]
    }
}

/// A call to a provider's API, whole before anything is sent; says nothing of itself but where it goes.
struct ProviderCall: Sendable, CustomStringConvertible, CustomReflectable {
    /// Some refuse callers that do not name themselves.
    static let userAgent = "Polyclinic/1.0"

    let method: String
    let url: String
    var headers: [(name: String, value: String)]
    var body: [UInt8] = []

    var description: String { "\(method) \(url)" }
    var customMirror: Mirror { Mirror(self, children: []) }
}

extension ProviderCall {
    /// A call without a body that shows a bearer key.
    init(_ method: String, _ url: String, bearer key: Secret) {
        self.init(
            method: method,
            url: url,
            headers: [
                (name: "Authorization", value: "Bearer \(key.unredacted)"), (name: "Accept", value: "application/json"),
                (name: "User-Agent", value: Self.userAgent),
            ]
        )
    }

    /// Gives it a JSON body.
    mutating func carry(_ json: JSONValue) throws {
        headers.append((name: "Content-Type", value: "application/json"))
        body = try JSONWriter.encode(json)
    }
}

extension OutboundHTTP {
    func send(_ call: ProviderCall, deadline: Deadline) async throws(OutboundFailure) -> OutboundResponse {
        try await send(
            method: call.method,
            url: call.url,
            headers: call.headers.map { ($0.name, $0.value) },
            body: call.body,
            deadline: deadline
        )
    }

    /// Makes a call and reads its answer; without one the failure is the verdict.
    func verdict(
        _ call: ProviderCall,
        deadline: Deadline,
        reading answer: (OutboundResponse) -> ProviderVerdict
    ) async -> ProviderVerdict {
        do throws(OutboundFailure) {
            return answer(try await send(call, deadline: deadline))
        } catch {
            return ProviderVerdict(failure: error)
        }
    }

    /// The status of an answer and its JSON, `null` where its body is none; `nil` without an answer.
    func json(_ call: ProviderCall?, _ deadline: Deadline) async -> (status: Int, json: JSONValue)? {
        guard let call, let response = try? await send(call, deadline: deadline) else { return nil }
        return (response.status, (try? JSONTape(response.body).decode(JSONValue.self)) ?? .null)
    }
}

extension JSONValue {
    /// Bytes as providers take them in JSON.
    static func base64(_ bytes: [UInt8]) -> JSONValue { .string(Base64.encode(bytes)) }
}

extension EmailToSend {
    /// Providers make a header of the subject: a line break in it would begin another one.
    var hasLineBreak: Bool { subject.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } }
}

extension ProviderVerdict {
    /// A message that is not worth a call.
    static let lineBreak = ProviderVerdict(
        .contentRejected,
        host: .untried,
        code: "header",
        detail: "The subject has a line break."
    )
}
