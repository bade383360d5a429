import Core
import Crypto
import Synchronization

/// The apps' endpoints that were registered.
final class SNSEndpoints: Sendable {
    struct Endpoint: Sendable {
        let arn: String
        let application: String
        var token: String
        var isEnabled: Bool

        /// `GCM`, `APNS`, `APNS_SANDBOX` and others.
        var platform: String { application.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
    }

    private let byARN = Mutex<[String: Endpoint]>([:])

    func find(_ arn: String) -> Endpoint? { byARN.withLock { $0[arn] } }

    /// The endpoint of a token, which is made when it is new.
    func register(_ token: String, with application: String) -> Endpoint {
        byARN.withLock { endpoints in
            if let known = endpoints.values.first(where: { $0.token == token && $0.application == application }) {
                return known
            }
            let endpoint = Endpoint(
                arn: application.replacing(":app/", with: ":endpoint/") + "/\(Self.id(application, token))",
                application: application,
                token: token,
                isEnabled: !token.contains("disabled")
            )
            endpoints[endpoint.arn] = endpoint
            return endpoint
        }
    }

    /// Sets what is given of an endpoint.
    func change(_ arn: String, token: String?, isEnabled: Bool?) {
        byARN.withLock { endpoints in
            if let token { endpoints[arn]?.token = token }
            if let isEnabled { endpoints[arn]?.isEnabled = isEnabled }
        }
    }

    /// The same for the same device, so that what was recorded with it can be played again.
    private static func id(_ application: String, _ token: String) -> String {
        let digits = Array(Array(SHA256.hash(data: Array("\(application)\n\(token)".utf8))).hex.prefix(32))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }
}
