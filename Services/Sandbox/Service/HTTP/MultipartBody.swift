import Core

/// A form with files as it came (RFC 7578).
struct MultipartBody: Sendable {
    struct Part: Sendable {
        var name: String
        var filename: String?
        var type: String?
        var bytes: [UInt8]
    }

    let parts: [Part]

    /// `nil` for what is no such form.
    init?(_ request: SandboxRequest) {
        let type = request.headers["content-type"] ?? ""
        guard type.lowercased().hasPrefix("multipart/form-data"), let boundary = Self.value("boundary", in: type) else {
            return nil
        }
        let mark = Array("--\(boundary)".utf8)
        var parts: [Part] = []
        var rest = request.body[...]
        guard rest.starts(with: mark) else { return nil }
        rest = rest.dropFirst(mark.count)
        while rest.starts(with: "\r\n".utf8) {
            rest = rest.dropFirst(2)
            guard let end = rest.firstRange(of: Array("\r\n".utf8) + mark),
                let part = Self.part(rest[..<end.lowerBound])
            else { return nil }
            parts.append(part)
            rest = rest[end.upperBound...]
        }
        guard rest.starts(with: "--".utf8) else { return nil }
        self.parts = parts
    }

    subscript(name: String) -> Part? { parts.first { $0.name == name } }

    private static func part(_ bytes: ArraySlice<UInt8>) -> Part? {
        guard let blank = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: bytes[..<blank.lowerBound], as: UTF8.self)
        var headers: [String: String] = [:]
        for line in head.split(separator: "\r\n") {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        guard let disposition = headers["content-disposition"], let name = value("name", in: disposition) else {
            return nil
        }
        return Part(
            name: name,
            filename: value("filename", in: disposition),
            type: headers["content-type"],
            bytes: Array(bytes[blank.upperBound...])
        )
    }

    /// A parameter of a header, with quotes or without.
    private static func value(_ name: String, in header: String) -> String? {
        for field in header.split(separator: ";").dropFirst() {
            let pair = field.split(separator: "=", maxSplits: 1).map { $0.drop { $0 == " " } }
            guard pair.count == 2, pair[0].lowercased() == name else { continue }
            let value = pair[1]
            return value.hasPrefix("\"") && value.hasSuffix("\"") ? String(value.dropFirst().dropLast()) : String(value)
        }
        return nil
    }
}
