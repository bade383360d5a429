import Contracts
import Core
import Crypto
import CryptoExtras
import Outbound
import ProviderConfig

/// A service account of Google Cloud as its JSON key describes it: who signs, and where a signature is exchanged for a token.
struct GoogleServiceAccount: Sendable {
    /// Where accounts of Google's own cloud are led.
    static let usualTokenURIs: Set<String> = [
        "https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token",
    ]
    /// Google takes signatures that hold for an hour at most.
    static let assertionTime: Duration = .seconds(3_600)
    /// The smallest key that signs, in bits.
    static let smallestKey = 2_048

    let projectID: String
    let clientEmail: String
    let tokenURI: String
    private let keyID: String
    private let privateKey: Secret

    /// Reads the JSON key, given as an object or as its text; `nil` for what is none.
    init?(_ credentials: Credentials, key: String = "serviceAccount") {
        guard let document = Self.document(credentials.unredacted[key]),
            document["type"]?.string == "service_account", let projectID = document["project_id"]?.string,
            let clientEmail = document["client_email"]?.string, let keyID = document["private_key_id"]?.string,
            let privateKey = document["private_key"]?.string, let tokenURI = document["token_uri"]?.string
        else { return nil }
        self.projectID = projectID
        self.clientEmail = clientEmail
        self.tokenURI = tokenURI
        self.keyID = keyID
        self.privateKey = Secret(privateKey)
    }

    /// What is wrong with a JSON key beyond its being one.
    func fault(policy: OutboundPolicy) -> String? {
        if !Self.isProjectID(projectID) { return "has a project_id that is none" }
        guard let key = try? signingKey(), key.keySizeInBits >= Self.smallestKey else {
            return "has a private_key that is no RSA key of \(Self.smallestKey) bits or more in PEM"
        }
        guard !Self.usualTokenURIs.contains(tokenURI) else { return nil }
        do { try policy.check(endpoint: tokenURI) } catch { return "has a token_uri that \(error.description)" }
        return nil
    }

    /// The signed claim that is exchanged for a token (RFC 7523): a JWT under RS256.
    func assertion(of scope: String, at now: Instant) throws -> String {
        let header: JSONValue = ["alg": "RS256", "kid": .string(keyID), "typ": "JWT"]
        let claims: JSONValue = [
            "iss": .string(clientEmail), "scope": .string(scope), "aud": .string(tokenURI),
            "iat": .integer(now.seconds), "exp": .integer((now + Self.assertionTime).seconds),
        ]
        let parts = try [header, claims].map { Base64URL.encode(try JSONWriter.encode($0)) }
        let text = parts.joined(separator: ".")
        let digest = SHA256.hash(data: Array(text.utf8))
        let signature = try signingKey().signature(for: digest, padding: .insecurePKCS1v1_5)
        return "\(text).\(Base64URL.encode(Array(signature.rawRepresentation)))"
    }

    /// Differs between keys and tells nothing about them.
    var fingerprint: [UInt8] {
        let parts = [clientEmail, keyID, tokenURI, privateKey.unredacted]
        return Array(SHA256.hash(data: Array(parts.joined(separator: "\u{1E}").utf8)))
    }

    private func signingKey() throws -> _RSA.Signing.PrivateKey {
        try _RSA.Signing.PrivateKey(pemRepresentation: privateKey.unredacted)
    }

    private static func document(_ value: JSONValue?) -> JSONValue? {
        switch value {
        case .object?: value
        case .string(let text)?: try? JSONTape(Array(text.utf8)).decode(JSONValue.self)
        default: nil
        }
    }

    /// It stands in a path: what is no project could lead elsewhere.
    private static func isProjectID(_ text: String) -> Bool {
        (4...63).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                $0.isDigit || $0.isSmallLetter || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
                    || $0 == UInt8(ascii: ":")
            }
    }
}
