package import Core

/// What of a message cannot stand in a mail.
package enum MIMEError: Error, Equatable, CustomStringConvertible {
    /// A header's value has a line break or another control character.
    case controlCharacter(header: String)
    case emptyBody

    package var description: String {
        switch self {
        case .controlCharacter(let header): "The header \(header) has a control character."
        case .emptyBody: "The message has neither a text nor an HTML part."
        }
    }
}

/// An e-mail for one recipient, written as RFC 5322, 2045 and 2047 say: UTF-8, quoted-printable, CR LF.
package struct MIMEMessage: Sendable {
    package struct Mailbox: Sendable, Equatable {
        package var address: EmailAddress
        package var name: String?

        package init(_ address: EmailAddress, name: String? = nil) {
            self.address = address
            self.name = name
        }

        /// As a header has it, on one line; other letters than ASCII in encoded words.
        package var line: String {
            get throws(MIMEError) {
                var header = MIMEHeader()
                try header.add("", mailbox: self)
                // What stands around it and inside it are line breaks, each of them one character.
                return String(header.lines.dropFirst(2).filter { $0 != "\r\n" })
            }
        }
    }

    /// A file of the message; one with a content id is shown by the HTML part.
    package struct File: Sendable, Equatable {
        package var filename: String
        package var contentType: String
        package var contentID: String?
        package var bytes: [UInt8]

        package init(filename: String, contentType: String, contentID: String? = nil, bytes: [UInt8]) {
            self.filename = filename
            self.contentType = contentType
            self.contentID = contentID
            self.bytes = bytes
        }
    }

    package var from: Mailbox
    package var to: Mailbox
    package var replyTo: Mailbox?
    package var subject: String
    package var text: String?
    package var html: String?
    package var attachments: [File]
    /// Without angle brackets; the same for every try of the same message.
    package var messageID: String
    package var date: Instant
    /// Further headers; plain ASCII.
    package var headers: [(name: String, value: String)]
    /// Further headers of free text.
    package var texts: [(name: String, value: String)]

    package init(
        from: Mailbox,
        to: Mailbox,
        replyTo: Mailbox? = nil,
        subject: String,
        text: String?,
        html: String?,
        attachments: [File] = [],
        messageID: String,
        date: Instant,
        headers: [(name: String, value: String)] = [],
        texts: [(name: String, value: String)] = []
    ) {
        self.from = from
        self.to = to
        self.replyTo = replyTo
        self.subject = subject
        self.text = text
        self.html = html
        self.attachments = attachments
        self.messageID = messageID
        self.date = date
        self.headers = headers
        self.texts = texts
    }

    /// A header's free text on one line, other letters than ASCII in encoded words.
    package static func line(of text: String, _ name: String) throws(MIMEError) -> String {
        try MIMEHeader.line(text, name)
    }

    /// The whole message with its header.
    package func bytes() throws(MIMEError) -> [UInt8] {
        var header = MIMEHeader()
        header.add("Date", MailDate.text(date))
        try header.add("From", mailbox: from)
        try header.add("To", mailbox: to)
        if let replyTo { try header.add("Reply-To", mailbox: replyTo) }
        try header.add("Message-ID", plain: "<\(messageID)>")
        try header.add("Subject", text: subject)
        header.add("MIME-Version", "1.0")
        // Keeps out-of-office replies away (RFC 3834).
        header.add("Auto-Submitted", "auto-generated")
        for (name, value) in headers { try header.add(name, plain: value) }
        for (name, value) in texts { try header.add(name, line: value) }
        return Array((header.lines + (try body())).utf8)
    }

    /// The parts, from the outside in: what is attached, what is shown, and the ways to read it.
    private func body() throws(MIMEError) -> String {
        let readings = [text.map { Self.part("text/plain", $0) }, html.map { Self.part("text/html", $0) }].compactMap {
            $0
        }
        guard !readings.isEmpty else { throw .emptyBody }
        let inline = try attachments.filter { $0.contentID != nil }.map(Self.part)
        let attached = try attachments.filter { $0.contentID == nil }.map(Self.part)
        return several("mixed", [several("related", [several("alternative", readings)] + inline)] + attached)
    }

    /// One part as it is, several with boundaries between them.
    private func several(_ kind: String, _ parts: [String]) -> String {
        guard parts.count > 1 else { return parts.joined() }
        let boundary = "=_\(kind.prefix(1))\(seed)"
        return "Content-Type: multipart/\(kind); boundary=\"\(boundary)\"\r\n\r\n"
            + parts.map { "--\(boundary)\r\n\($0)\r\n" }.joined() + "--\(boundary)--\r\n"
    }

    private var seed: String {
        messageID.utf8.filter(Self.isBoundaryByte).prefix(40).map { String(UnicodeScalar($0)) }.joined()
    }

    private static func part(_ type: String, _ text: String) -> String {
        "Content-Type: \(type); charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            + QuotedPrintable.encode(text) + "\r\n"
    }

    private static func part(_ file: File) throws(MIMEError) -> String {
        var header = MIMEHeader()
        try header.add("Content-Type", plain: file.contentType)
        header.add("Content-Transfer-Encoding", "base64")
        if let id = file.contentID { try header.add("Content-ID", plain: "<\(id)>") }
        let disposition = file.contentID == nil ? "attachment" : "inline"
        header.add("Content-Disposition", "\(disposition); \(try MIMEHeader.parameter("filename", file.filename))")
        return header.lines + "\r\n" + Base64.lines(file.bytes) + "\r\n"
    }

    private static func isBoundaryByte(_ byte: UInt8) -> Bool {
        byte.isLetterOrDigit
    }
}
