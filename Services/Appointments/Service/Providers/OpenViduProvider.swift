import Contracts
import Core
import Outbound
import ProviderConfig

/// A clinic's own OpenVidu server: version 2 with its secret, version 3 with a key of its API.
struct OpenViduProvider: VideoProvider {
    static let name = "openvidu"
    static let keys: [CredentialShape.Key] = [
        .text("url"), .init("secret", isSecret: true, isRequired: false), .optional("apiKey"),
        .init("apiSecret", isSecret: true, isRequired: false),
    ]
    static let signIns = [["secret"], ["apiKey", "apiSecret"]]

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        signInFaults(credentials) + urlFaults(credentials.text("url"), policy) + endpointFaults(credentials, policy)
    }

    private static func urlFaults(_ text: String?, _ policy: OutboundPolicy) -> [CredentialFault] {
        guard let text, let url = try? OutboundURL(text) else {
            return [CredentialFault("url", OutboundError.malformedURL.description)]
        }
        return serverFaults("url", url.host, isEncrypted: url.isEncrypted, policy)
    }
}
