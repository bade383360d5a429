import Contracts
import Core
import CryptoExtras
import Outbound
import ProviderConfig

/// Jitsi: a clinic's own server, whose tokens are signed with the secret of an app, or 8x8's (JaaS), signed with a private key.
struct JitsiProvider: VideoProvider {
    static let name = "jitsi"
    static let keys: [CredentialShape.Key] = [
        .optional("domain"), .text("appId"), .init("appSecret", isSecret: true, isRequired: false), .optional("keyId"),
        .init("privateKey", form: .document, isSecret: true, isRequired: false),
    ]
    static let signIns = [["domain", "appId", "appSecret"], ["appId", "keyId", "privateKey"]]

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults = signInFaults(credentials) + endpointFaults(credentials, policy)
        if let domain = credentials.text("domain") {
            faults += serverFaults("domain", domain, isEncrypted: true, policy)
        }
        if credentials.unredacted["privateKey"] != nil, !isPrivateKey(credentials.text("privateKey")) {
            faults.append(CredentialFault("privateKey", "must be an RSA private key of 2,048 bits or more, as PEM"))
        }
        return faults
    }

    private static func isPrivateKey(_ pem: String?) -> Bool {
        guard let pem, let key = try? _RSA.Signing.PrivateKey(pemRepresentation: pem) else { return false }
        return key.keySizeInBits >= 2_048
    }
}
