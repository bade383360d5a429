import Core
import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import X509

/// A certificate that SNS signs with: whose it is, how long, and the key in it.
struct SNSCertificate: Sendable {
    private let key: _RSA.Signing.PublicKey
    private let validFrom: Instant
    private let validUntil: Instant
    private let names: [String]

    /// `nil` for what is no certificate, or none with an RSA key of 2,048 bits or more.
    init?(pem: [UInt8]) {
        guard let text = String(validating: pem, as: UTF8.self), let certificate = try? Certificate(pemEncoded: text),
            let key = _RSA.Signing.PublicKey(certificate.publicKey)
        else { return nil }
        self.key = key
        validFrom = Instant(seconds: Int64(certificate.notValidBefore.timeIntervalSince1970))
        validUntil = Instant(seconds: Int64(certificate.notValidAfter.timeIntervalSince1970))
        names = Self.names(of: certificate)
    }

    /// Whether it is one of SNS's, and in force.
    func isTrusted(at now: Instant) -> Bool {
        validFrom <= now && now < validUntil && names.contains(where: Self.isName)
    }

    /// Whether a signature is made with its key.
    func isSigned(_ content: [UInt8], _ signature: [UInt8], version: String) -> Bool {
        let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
        return switch version {
        case "1":
            key.isValidSignature(
                signature,
                for: Insecure.SHA1.hash(data: content),
                padding: .insecurePKCS1v1_5
            )
        case "2": key.isValidSignature(signature, for: SHA256.hash(data: content), padding: .insecurePKCS1v1_5)
        default: false
        }
    }

    /// The alternative names, and the common name that older ones have alone.
    private static func names(of certificate: Certificate) -> [String] {
        var names: [String] = []
        for attribute in certificate.subject.joined().map(\.description) where attribute.hasPrefix("CN=") {
            names.append(String(attribute.dropFirst("CN=".count)))
        }
        for case .dnsName(let name) in (try? certificate.extensions.subjectAlternativeNames) ?? .init() {
            names.append(name)
        }
        return names
    }

    /// `sns.amazonaws.com`, or that of a region.
    private static func isName(_ name: String) -> Bool {
        let labels = name.lowercased().split(separator: ".", omittingEmptySubsequences: false)
        guard labels.first == "sns" else { return false }
        let rest = labels.dropFirst().joined(separator: ".")
        let domains = ["amazonaws.com", "amazonaws.com.cn"]
        return domains.contains(rest) || domains.contains(labels.dropFirst(2).joined(separator: "."))
    }
}
