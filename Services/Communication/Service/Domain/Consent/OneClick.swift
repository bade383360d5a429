import CommunicationAPI

/// What is posted to a link to unsubscribe (RFC 8058): a form with one field, urlencoded or multipart.
///
/// Mail programs differ in capitals, blanks and line ends, and add fields of their own.
enum OneClick {
    private static let name = "list-unsubscribe"
    private static let value = "one-click"
    /// Fields of one form that are read.
    private static let mostFields = 20

    /// Whether somebody asks to unsubscribe; whoever posts something else follows links without being asked to.
    ///
    /// The link alone is enough where nothing is posted with it: who wants to leave and cannot is worse off than who has to
    /// come back.
    static func isMeant(_ body: [UInt8]) -> Bool {
        if body.allSatisfy({ $0 == 0x0A || $0 == 0x0D || $0 == 0x20 }) { return true }
        let pairs = body.starts(with: "--".utf8) ? multipart(body) : FormBody.parse(body) ?? []
        return pairs.contains { pair in
            plain(pair.name) == name && plain(pair.value) == value
        }
    }

    /// The fields of a form whose boundary is its first line: what it was announced with is not needed.
    private static func multipart(_ body: [UInt8]) -> FormBody.Pairs {
        let line = body.dropFirst(2).prefix { $0 != 0x0A && $0 != 0x0D }
        let boundary = String(decoding: line, as: UTF8.self).filter { $0 != "\"" }
        let head = Array("Content-Type: multipart/form-data; boundary=\"\(boundary)\"".utf8)
        return MailEntity(header: head[...], body: body[...]).parts(most: mostFields).map { field in
            (field.disposition?["name"] ?? "", String(decoding: field.content, as: UTF8.self))
        }
    }

    private static func plain(_ text: String) -> String { text.filter { !$0.isWhitespace }.lowercased() }
}
