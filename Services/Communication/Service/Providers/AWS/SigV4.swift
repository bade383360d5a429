import Contracts
import Core
import Crypto

/// AWS Signature Version 4 in the `Authorization` header (docs.aws.amazon.com, "Create a signed AWS API request").
///
/// A signature holds for minutes only: every try of a request is signed anew.
struct SigV4: Sendable {
    static let algorithm = "AWS4-HMAC-SHA256"

    let accessKeyID: String
    let secretAccessKey: Secret
    let region: String
    /// The signing name, which is not always what the host begins with: SES is `ses` at `email.…`.
    let service: String

    /// What is signed; every header given is.
    struct Request: Sendable {
        var method: String
        /// As the request line has it, without the query.
        var path: String
        /// Names and values, decoded.
        var query: [(name: String, value: String)] = []
        var headers: [(name: String, value: String)]
        var body: [UInt8] = []
    }

    /// `20260101T000000Z`, as `X-Amz-Date` has it.
    static func stamp(_ time: Instant) -> String {
        Instant(seconds: time.seconds).rfc3339.filter { $0 != "-" && $0 != ":" }
    }

    /// The value of `Authorization`.
    func authorization(_ request: Request, at time: Instant) -> String {
        let signature = HMAC<SHA256>.authenticationCode(
            for: Array(stringToSign(request, at: time).utf8),
            using: key(on: Self.stamp(time).prefix(8))
        )
        return "\(Self.algorithm) Credential=\(accessKeyID)/\(scope(at: time)), "
            + "SignedHeaders=\(request.signedHeaders), Signature=\(Array(signature).hex)"
    }

    func stringToSign(_ request: Request, at time: Instant) -> String {
        let digest = SHA256.hash(data: Array(request.canonical.utf8)).hex
        return "\(Self.algorithm)\n\(Self.stamp(time))\n\(scope(at: time))\n\(digest)"
    }

    private func scope(at time: Instant) -> String {
        "\(Self.stamp(time).prefix(8))/\(region)/\(service)/aws4_request"
    }

    /// Each part of the scope is a round of its own, so that a key is good for one day, region and service.
    private func key(on day: Substring) -> SymmetricKey {
        let first = SymmetricKey(data: Array("AWS4\(secretAccessKey.unredacted)".utf8))
        return [String(day), region, service, "aws4_request"].reduce(first) { key, part in
            SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
    }
}

extension SigV4.Request {
    /// Lower-case names in order, separated by semicolons.
    var signedHeaders: String { canonicalHeaders.map(\.name).joined(separator: ";") }

    /// The one form of a request that both sides hash.
    var canonical: String {
        let headers = canonicalHeaders.map { "\($0.name):\($0.value)\n" }.joined()
        return [method, canonicalPath, canonicalQuery, headers, signedHeaders, SHA256.hash(data: body).hex]
            .joined(separator: "\n")
    }

    /// Without dot segments and empty ones, each segment encoded once more than the request line has it.
    private var canonicalPath: String {
        var segments: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." { segments = segments.dropLast() } else { segments.append(segment) }
        }
        let isFolder = !segments.isEmpty && path.hasSuffix("/")
        return "/" + segments.map { PercentCoding.encode($0) }.joined(separator: "/") + (isFolder ? "/" : "")
    }

    private var canonicalQuery: String {
        query.map { (PercentCoding.encode($0.name), PercentCoding.encode($0.value)) }
            .sorted { $0 < $1 }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    /// By lower-case name in order, blanks reduced, values of one name joined as they came.
    private var canonicalHeaders: [(name: String, value: String)] {
        var values: [String: [String]] = [:]
        for (name, value) in headers {
            let words = value.split { $0 == " " || $0 == "\t" }
            values[name.lowercased(), default: []].append(words.joined(separator: " "))
        }
        return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value.joined(separator: ",")) }
    }
}
