import Core
import Crypto
import Vault

/// The `Stripe-Signature` header: HMAC-SHA256 over time and raw body (docs.stripe.com/webhooks, "Verify manually").
enum StripeSignature {
    /// How far a notice's time may be from ours, in both directions.
    static let tolerance: Duration = .seconds(300)
    /// Signatures that are looked at.
    static let mostSignatures = 8

    static func isValid(_ header: String?, body: [UInt8], secrets: [Secret], at now: Instant) -> Bool {
        guard let header else { return false }
        var stamp: String?
        var signatures: [[UInt8]] = []
        for part in header.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            let value = pair[1]
            switch pair[0].drop(while: { $0 == " " }) {
            case "t": stamp = stamp ?? String(value)
            case "v1" where signatures.count < mostSignatures:
                if let bytes = [UInt8](hex: value) { signatures.append(bytes) }
            default: break
            }
        }
        guard let stamp, let seconds = Int64(stamp), seconds > 0, seconds < 1 << 40 else { return false }
        let distance = Instant(seconds: seconds) - Instant(seconds: now.seconds)
        guard distance <= tolerance, distance >= .zero - tolerance else { return false }
        let message = Array("\(stamp).".utf8) + body
        var isValid = false
        for secret in secrets {
            let key = SymmetricKey(data: Array(secret.unredacted.utf8))
            let expected = Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
            for signature in signatures where constantTimeEqual(signature, expected) { isValid = true }
        }
        return isValid
    }
}
