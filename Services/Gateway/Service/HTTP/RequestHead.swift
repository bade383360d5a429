import Core
import NIOHTTP1

/// A request's line and the headers the gateway looks at, found in one walk; nothing else is kept.
struct RequestHead: Sendable {
    var method: HTTPMethod
    /// Without the query.
    var path: String
    var query: String?
    var authorization: String?
    var clinic: String?
    var idempotencyKey: String?
    var ifMatch: String?
    var ifNoneMatch: String?
    var contentType: String?
    var accept: String?
    var origin: String?
    var requestedMethod: String?
    var traceparent: String?
    var userAgent: String?
    var forwardedFor: String?
    var contentLength: Int?
    var isChunked = false
    var expectsContinue = false
    var keepsAlive: Bool
    /// A header that may stand once only and stood twice, or one that cannot be read.
    var fault: String?
    /// Bytes of the longest header's name and value.
    var longestField = 0
    /// Every header, for operations that pass some on.
    var fields: HTTPHeaders

    init(_ head: HTTPRequestHead) {
        method = head.method
        fields = head.headers
        keepsAlive = head.version.major == 1 && head.version.minor >= 1
        if let mark = head.uri.utf8.firstIndex(of: UInt8(ascii: "?")) {
            path = String(head.uri[..<mark])
            query = String(head.uri[head.uri.index(after: mark)...])
        } else {
            path = head.uri
        }
        for (name, value) in head.headers {
            longestField = max(longestField, name.utf8.count + value.utf8.count)
            note(name, value)
        }
        if isChunked && contentLength != nil { fault = "Content-Length" }
    }

    /// An empty head, for what could not be read.
    init() {
        self.init(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"))
        keepsAlive = false
    }

    private mutating func note(_ name: String, _ value: String) {
        // The length tells most names apart before a byte is compared.
        switch name.utf8.count {
        case 6:
            if name.isSame(as: "accept") { accept = accept.map { $0 + "," + value } ?? value }
            if name.isSame(as: "origin") { fault = Self.once(&origin, value, "Origin") ?? fault }
            if name.isSame(as: "expect") { noteExpectation(value) }
        case 7 where name.isSame(as: "upgrade"): keepsAlive = false
        case 8 where name.isSame(as: "if-match"): ifMatch = ifMatch.map { $0 + "," + value } ?? value
        case 10:
            if name.isSame(as: "user-agent") { userAgent = value }
            if name.isSame(as: "connection") { noteConnection(value) }
        case 11:
            if name.isSame(as: "x-clinic-id") { fault = Self.once(&clinic, value, "X-Clinic-Id") ?? fault }
            if name.isSame(as: "traceparent") { traceparent = value }
        case 12 where name.isSame(as: "content-type"): fault = Self.once(&contentType, value, "Content-Type") ?? fault
        case 13:
            if name.isSame(as: "authorization") { fault = Self.once(&authorization, value, "Authorization") ?? fault }
            if name.isSame(as: "if-none-match") { ifNoneMatch = ifNoneMatch.map { $0 + "," + value } ?? value }
        case 14 where name.isSame(as: "content-length"): noteLength(value)
        case 15:
            if name.isSame(as: "idempotency-key") {
                fault = Self.once(&idempotencyKey, value, "Idempotency-Key") ?? fault
            }
            if name.isSame(as: "x-forwarded-for") { forwardedFor = forwardedFor.map { $0 + "," + value } ?? value }
        case 17 where name.isSame(as: "transfer-encoding"):
            isChunked = value.isSame(as: "chunked")
            if !isChunked { fault = "Transfer-Encoding" }
        case 29 where name.isSame(as: "access-control-request-method"): requestedMethod = value
        default: break
        }
    }

    /// Sets a field that may stand once only; gives its name where it stood before.
    private static func once(_ field: inout String?, _ value: String, _ name: String) -> String? {
        defer { field = value }
        return field == nil ? nil : name
    }

    private mutating func noteLength(_ value: String) {
        guard contentLength == nil, let length = Int(value), length >= 0 else {
            fault = "Content-Length"
            return
        }
        contentLength = length
    }

    private mutating func noteExpectation(_ value: String) {
        if value.isSame(as: "100-continue") { expectsContinue = true } else { fault = "Expect" }
    }

    private mutating func noteConnection(_ value: String) {
        if value.isSame(as: "close") { keepsAlive = false }
        if value.isSame(as: "keep-alive") { keepsAlive = true }
    }
}

extension String {
    /// Compares with a lower-case ASCII text, ignoring case.
    func isSame(as lowercased: String) -> Bool {
        guard utf8.count == lowercased.utf8.count else { return false }
        var others = lowercased.utf8.makeIterator()
        for byte in utf8 {
            guard let other = others.next(), byte == other || byte.isCapitalLetter && byte | 0x20 == other
            else { return false }
        }
        return true
    }
}
