import Core
import Crypto

/// What AWS answers a request with that it does not take, by name and in its words.
struct AWSRefusal: Sendable, Equatable, Error {
    let status: Int
    let name: String
    let message: String

    init(_ status: Int, _ name: String, _ message: String) {
        self.status = status
        self.name = name
        self.message = message
    }
}

/// Checks Signature Version 4 as AWS does: makes the canonical request anew from what came, and signs it.
struct AWSSignature {
    /// The secret of every access key here: the one of AWS's documentation.
    static let secretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    /// How far a request's time may be from ours.
    static let tolerance: Duration = .seconds(300)
    static let mismatch = """
        The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
        Key and signing method. Consult the service documentation for details.
        """

    /// The signing name of the service that is called.
    let service: String
    var secretAccessKey = Self.secretAccessKey

    private struct Claim {
        var accessKey = ""
        var day = ""
        var region = ""
        var service = ""
        var names: [String] = []
        var signature = ""
    }

    /// The region that a request is signed for; throws what is wrong with its signature.
    func check(_ request: SandboxRequest, at now: Instant) throws(AWSRefusal) -> String {
        let claim = try read(request.headers["authorization"])
        guard SandboxCredential.isAccepted(claim.accessKey) else {
            throw AWSRefusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        }
        guard claim.service == service else {
            throw mismatch("Credential should be scoped to correct service: '\(service)'. ")
        }
        guard let stamp = request.headers["x-amz-date"], let time = Self.time(stamp) else {
            let text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            throw AWSRefusal(400, "IncompleteSignature", text)
        }
        guard stamp.hasPrefix(claim.day) else {
            throw mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
        }
        if now - time > Self.tolerance {
            let edge = Self.stamp(now - Self.tolerance)
            throw mismatch("Signature expired: \(stamp) is now earlier than \(edge) (\(Self.stamp(now)) - 5 min.)")
        }
        if time - now > Self.tolerance {
            let edge = Self.stamp(now + Self.tolerance)
            throw mismatch(
                "Signature not yet current: \(stamp) is still later than \(edge) (\(Self.stamp(now)) + 5 min.)"
            )
        }
        guard claim.names.contains("host") else {
            throw mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        }
        let scope = "\(claim.day)/\(claim.region)/\(claim.service)/aws4_request"
        guard expected(of: request, names: claim.names, stamp: stamp, scope: scope) == claim.signature else {
            throw mismatch(Self.mismatch)
        }
        return claim.region
    }

    private func mismatch(_ message: String) -> AWSRefusal { AWSRefusal(403, "SignatureDoesNotMatch", message) }

    /// `AWS4-HMAC-SHA256 Credential=key/day/region/service/aws4_request, SignedHeaders=a;b, Signature=hex`.
    private func read(_ header: String?) throws(AWSRefusal) -> Claim {
        guard let header else { throw AWSRefusal(403, "MissingAuthenticationToken", "Missing Authentication Token") }
        let halves = header.split(separator: " ", maxSplits: 1)
        var claim = Claim()
        var isScoped = false
        for part in halves.count == 2 ? halves[1].split(separator: ",") : [] {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            switch pair[0] {
            case "Credential":
                let scope = pair[1].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
                guard scope.count == 5, scope[4] == "aws4_request" else { continue }
                (claim.accessKey, claim.day, claim.region, claim.service) = (scope[0], scope[1], scope[2], scope[3])
                isScoped = true
            case "SignedHeaders": claim.names = pair[1].split(separator: ";").map(String.init)
            case "Signature": claim.signature = String(pair[1])
            default: continue
            }
        }
        guard halves.first == "AWS4-HMAC-SHA256", isScoped, !claim.names.isEmpty, !claim.signature.isEmpty else {
            let text =
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
                + "parameter. Authorization header requires 'SignedHeaders' parameter."
            throw AWSRefusal(403, "IncompleteSignature", text)
        }
        return claim
    }

    /// The signature that a request has to carry.
    func expected(of request: SandboxRequest, names: [String], stamp: String, scope: String) -> String {
        let target = request.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var canonical = "\(request.method)\n\(Self.path(target.first ?? "/"))\n"
        canonical += Self.query(target.count == 2 ? target[1] : "") + "\n"
        for name in names {
            let words = (request.headers[name] ?? "").split(separator: " ")
            canonical += "\(name):\(words.joined(separator: " "))\n"
        }
        canonical += "\n\(names.joined(separator: ";"))\n" + Array(SHA256.hash(data: request.body)).hex
        let digest = Array(SHA256.hash(data: Array(canonical.utf8))).hex
        var key = Array("AWS4\(secretAccessKey)".utf8)
        for part in scope.split(separator: "/") { key = Self.code(part, key) }
        return Self.code("AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(digest)", key).hex
    }

    private static func code(_ text: some StringProtocol, _ key: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
    }

    /// Each byte that is not unreserved escaped, those of escapes too.
    private static func path(_ raw: Substring) -> String {
        raw.utf8.map { escaped($0, keepsSlash: true) }.joined()
    }

    /// Pairs in order, escaped once.
    private static func query(_ raw: Substring) -> String {
        let pairs = raw.split(separator: "&").map { pair -> String in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let texts = halves.map { half in
                (FormBody.decode(Array(half.utf8)) ?? "").utf8.map { escaped($0, keepsSlash: false) }.joined()
            }
            return texts.count == 2 ? "\(texts[0])=\(texts[1])" : "\(texts[0])="
        }
        return pairs.sorted().joined(separator: "&")
    }

    private static func escaped(_ byte: UInt8, keepsSlash: Bool) -> String {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "~"):
            String(UnicodeScalar(byte))
        case UInt8(ascii: "/") where keepsSlash: "/"
        default: "%" + [byte].hex.uppercased()
        }
    }

    /// `20260101T000000Z`.
    static func stamp(_ time: Instant) -> String {
        Instant(seconds: time.seconds).rfc3339.filter { $0 != "-" && $0 != ":" }
    }

    private static func time(_ stamp: String) -> Instant? {
        let digits = Array(stamp)
        guard digits.count == 16 else { return nil }
        func part(_ from: Int, _ to: Int) -> String { String(digits[from..<to]) }
        return Instant(
            rfc3339: "\(part(0, 4))-\(part(4, 6))-\(part(6, 11)):\(part(11, 13)):\(part(13, 16))"
        )
    }
}
