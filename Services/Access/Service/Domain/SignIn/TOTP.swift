package import Core
import Crypto
import FoundationEssentials

/// One-time codes of an authenticator app: RFC 6238 over HMAC-SHA1, the one algorithm that all of them know.
package struct TOTP: Sendable {
    /// Seconds that a code is shown.
    package static let period: Int64 = 30
    package static let digits = 6
    /// Bytes of a new secret: as many as the hash has (RFC 4226 §4).
    package static let secretBytes = 20
    /// Steps before and after the present one whose code is taken, for clocks that are off.
    package static let skew: Int64 = 1

    package let secret: [UInt8]

    package init(secret: [UInt8]) { self.secret = secret }

    /// A new secret of the system's generator.
    package static func random() -> TOTP { TOTP(secret: RandomBytes.make(secretBytes)) }

    /// The step a moment lies in.
    package static func step(at now: Instant) -> Int64 { now.seconds / period }

    /// The code of a step (RFC 4226 §5.3).
    package func code(at step: Int64, digits: Int = TOTP.digits) -> String {
        let counter = (0..<8).map { UInt8(truncatingIfNeeded: step >> (56 - 8 * Int64($0))) }
        let mac = Array(
            HMAC<Insecure.SHA1>.authenticationCode(for: Data(counter), using: SymmetricKey(data: Data(secret)))
        )
        let offset = Int(mac[mac.count - 1] & 0x0F)
        let number = mac[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let modulus = (0..<digits).reduce(UInt32(1)) { power, _ in power * 10 }
        let text = String(number % modulus)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    /// The step whose code this is, of those that are taken at a moment; compares in constant time.
    package func step(of code: String, at now: Instant) -> Int64? {
        let present = Self.step(at: now)
        var found: Int64?
        for step in present - Self.skew...present + Self.skew where Self.isEqual(code, self.code(at: step)) {
            found = step
        }
        return found
    }

    /// What an app reads from a QR code.
    package func uri(issuer: String, account: String) -> String {
        let label = Self.escaped(issuer) + ":" + Self.escaped(account)
        return "otpauth://totp/\(label)?secret=\(Base32.encode(secret))&issuer=\(Self.escaped(issuer))"
            + "&algorithm=SHA1&digits=\(Self.digits)&period=\(Self.period)"
    }

    private static func isEqual(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        return one.count == other.count && zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// Percent-encodes all but the unreserved characters of RFC 3986.
    private static func escaped(_ text: String) -> String {
        text.utf8.reduce(into: "") { escaped, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default: escaped += "%" + [byte].hex.uppercased()
            }
        }
    }
}
