import Core

/// A form with a file, as multipart/form-data (RFC 7578).
struct MultipartForm: Sendable {
    /// Another one for every form, so that no file can hold it by chance.
    let boundary: String
    private(set) var bytes: [UInt8] = []

    init(boundary: String = "polyclinic-\(RequestID())") { self.boundary = boundary }

    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    mutating func add(_ name: String, _ value: String) {
        bytes += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8
    }

    mutating func add(_ name: String, file: Attachment) {
        let filename = Self.quoted(file.file.filename)
        bytes.reserveCapacity(bytes.count + file.bytes.count + 512)
        bytes += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"\(filename)\"\r\n".utf8
        bytes += "Content-Type: \(file.file.contentType)\r\n\r\n".utf8
        bytes += file.bytes
        bytes += "\r\n".utf8
    }

    /// Nothing can be added after it.
    mutating func end() { bytes += "--\(boundary)--\r\n".utf8 }

    /// As browsers write it.
    private static func quoted(_ name: String) -> String {
        var quoted = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\"": quoted += "%22"
            case "\r": quoted += "%0D"
            case "\n": quoted += "%0A"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted
    }
}
