import NIOCore

/// A reply on its way to the client.
struct ClientReply: Sendable {
    var status: Int
    /// Names in the case they are sent in.
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// Pages follow, each a chunk; the body is the first.
    var isStreamed = false
    /// The length is said and the body is not sent (HEAD).
    var isBodyOmitted = false
    var closes = false

    /// Statuses that never have a body (RFC 9110 §6.4.1).
    var allowsBody: Bool { status >= 200 && status != 204 && status != 304 }
}

extension ClientReply {
    /// The whole reply as it goes on the wire; of a streamed one the head and the first chunk.
    func encoded(date: String, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(StatusLine.text(status))
        buffer.writeStaticString("\r\nDate: ")
        buffer.writeString(date)
        buffer.writeStaticString("\r\n")
        for (name, value) in headers where Self.isSafe(value) {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        if isStreamed {
            buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        } else if allowsBody {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(body.count))
            buffer.writeStaticString("\r\n")
        }
        if closes { buffer.writeStaticString("Connection: close\r\n") }
        buffer.writeStaticString("\r\n")
        guard allowsBody, !isBodyOmitted else { return }
        if isStreamed { Self.encodeChunk(body, into: &buffer) } else { buffer.writeBytes(body) }
    }

    /// One chunk (RFC 9112 §7.1); nothing for no bytes, since that would end the body.
    static func encodeChunk(_ bytes: [UInt8], into buffer: inout ByteBuffer) {
        guard !bytes.isEmpty else { return }
        buffer.writeString(String(bytes.count, radix: 16))
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(bytes)
        buffer.writeStaticString("\r\n")
    }

    static let lastChunk: StaticString = "0\r\n\r\n"

    /// A value that could begin another header is left out.
    private static func isSafe(_ value: String) -> Bool {
        value.utf8.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 }
    }
}

/// Status codes with their phrases.
enum StatusLine {
    static func text(_ status: Int) -> String {
        switch status {
        case 200: "200 OK"
        case 201: "201 Created"
        case 202: "202 Accepted"
        case 204: "204 No Content"
        case 302: "302 Found"
        case 304: "304 Not Modified"
        case 400: "400 Bad Request"
        case 401: "401 Unauthorized"
        case 403: "403 Forbidden"
        case 404: "404 Not Found"
        case 405: "405 Method Not Allowed"
        case 406: "406 Not Acceptable"
        case 408: "408 Request Timeout"
        case 409: "409 Conflict"
        case 410: "410 Gone"
        case 412: "412 Precondition Failed"
        case 413: "413 Content Too Large"
        case 414: "414 URI Too Long"
        case 415: "415 Unsupported Media Type"
        case 417: "417 Expectation Failed"
        case 422: "422 Unprocessable Content"
        case 428: "428 Precondition Required"
        case 429: "429 Too Many Requests"
        case 431: "431 Request Header Fields Too Large"
        case 500: "500 Internal Server Error"
        case 503: "503 Service Unavailable"
        case 504: "504 Gateway Timeout"
        default: "\(status) Status"
        }
    }
}
