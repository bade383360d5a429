import Core

/// One SMTP conversation (RFC 5321, 4954, 6152, 6531): lines in, replies out; no sockets.
struct SMTPSession {
    static let domain = "sandbox.polyclinic.example"
    static let messageBytesMax = 40 << 20
    static let lineBytesMax = 12_288
    static let recipientsMax = 100

    struct Envelope: Sendable, Equatable {
        var from: String
        var to: [String] = []
    }

    enum Answer: Equatable, Sendable {
        case none
        case reply(String)
        case close(String)
        /// MAIL was said: the server may have its own mind about it.
        case begin(String)
        /// A message is whole; the reply is the server's to send.
        case message(Envelope, [UInt8])
    }

    private enum Mode {
        case commands
        case plain
        case loginUser
        case loginPassword(user: String)
        case data
    }

    /// Whether a user and a password are good.
    private let accepts: @Sendable (String, String) -> Bool
    private let requiresLogin: Bool
    /// Whether addresses in all letters are taken (RFC 6531), from who announces them.
    private let offersSMTPUTF8: Bool
    private var mode = Mode.commands
    private var isGreeted = false
    private var isLoggedIn = false
    private var envelope: Envelope?
    /// The message's sender has announced addresses in all letters.
    private var isInternational = false
    private var data: [UInt8] = []
    private var isTooLarge = false

    init(requiresLogin: Bool, offersSMTPUTF8: Bool = true, accepts: @escaping @Sendable (String, String) -> Bool) {
        self.requiresLogin = requiresLogin
        self.offersSMTPUTF8 = offersSMTPUTF8
        self.accepts = accepts
    }

    static let greeting = "220 \(domain) ESMTP Polyclinic sandbox"
    static let tooLong = "500 5.5.2 Line too long"

    var isInData: Bool { if case .data = mode { true } else { false } }

    /// A line without its end.
    mutating func take(_ line: ArraySlice<UInt8>) -> Answer {
        switch mode {
        case .data: return takeData(line)
        case .plain:
            mode = .commands
            return logIn(plain: line)
        case .loginUser:
            guard let user = Self.base64(line) else { return cancelLogin() }
            mode = .loginPassword(user: user)
            return .reply("334 UGFzc3dvcmQ6")
        case .loginPassword(let user):
            mode = .commands
            guard let password = Self.base64(line) else { return cancelLogin() }
            return logIn(user, password)
        case .commands: return command(String(decoding: line, as: UTF8.self))
        }
    }

    private mutating func command(_ line: String) -> Answer {
        let parts = line.split(separator: " ", maxSplits: 1)
        let argument = parts.count == 2 ? String(parts[1]) : ""
        switch parts.first?.uppercased() {
        case "EHLO": return hello(argument, isExtended: true)
        case "HELO": return hello(argument, isExtended: false)
        case "AUTH": return authenticate(argument)
        case "MAIL": return mail(argument)
        case "RCPT": return recipient(argument)
        case "DATA": return startData()
        case "RSET":
            envelope = nil
            return .reply("250 2.0.0 Flushed")
        case "NOOP": return .reply("250 2.0.0 OK")
        case "QUIT": return .close("221 2.0.0 Bye")
        case "VRFY": return .reply("252 2.1.5 Cannot verify, but will accept a message")
        case "STARTTLS": return .reply("502 5.5.1 STARTTLS is not offered here")
        default: return .reply("500 5.5.1 Command unrecognized")
        }
    }

    private mutating func hello(_ name: String, isExtended: Bool) -> Answer {
        guard !name.isEmpty else { return .reply("501 5.5.4 A host name is needed") }
        isGreeted = true
        envelope = nil
        guard isExtended else { return .reply("250 \(Self.domain)") }
        let offers =
            [Self.domain, "PIPELINING", "SIZE \(Self.messageBytesMax)", "8BITMIME"]
            + (offersSMTPUTF8 ? ["SMTPUTF8"] : []) + ["ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN"]
        let lines = offers.enumerated().map { "250\($0 == offers.count - 1 ? " " : "-")\($1)" }
        return .reply(lines.joined(separator: "\r\n"))
    }

    // MARK: - Logging in

    private mutating func authenticate(_ argument: String) -> Answer {
        guard isGreeted else { return .reply("503 5.5.1 EHLO first") }
        guard !isLoggedIn, envelope == nil else { return .reply("503 5.5.1 Already authenticated") }
        let parts = argument.split(separator: " ", maxSplits: 1)
        let initial = parts.count == 2 ? Array(parts[1].utf8)[...] : nil
        switch parts.first?.uppercased() {
        case "PLAIN":
            if let initial { return logIn(plain: initial) }
            mode = .plain
            return .reply("334 ")
        case "LOGIN":
            if let initial {
                guard let user = Self.base64(initial) else { return cancelLogin() }
                mode = .loginPassword(user: user)
                return .reply("334 UGFzc3dvcmQ6")
            }
            mode = .loginUser
            return .reply("334 VXNlcm5hbWU6")
        default: return .reply("504 5.5.4 Unrecognized authentication type")
        }
    }

    /// Authorization id, NUL, user, NUL, password (RFC 4616).
    private mutating func logIn(plain line: ArraySlice<UInt8>) -> Answer {
        guard let bytes = Base64Text.decode(String(decoding: line, as: UTF8.self)) else { return cancelLogin() }
        let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return cancelLogin() }
        return logIn(String(decoding: parts[1], as: UTF8.self), String(decoding: parts[2], as: UTF8.self))
    }

    private mutating func logIn(_ user: String, _ password: String) -> Answer {
        guard accepts(user, password) else { return .reply("535 5.7.8 Error: authentication failed") }
        isLoggedIn = true
        return .reply("235 2.7.0 Authentication successful")
    }

    private mutating func cancelLogin() -> Answer {
        mode = .commands
        return .reply("501 5.5.2 Cannot decode the response")
    }

    private static func base64(_ line: ArraySlice<UInt8>) -> String? {
        guard !line.elementsEqual("*".utf8) else { return nil }
        return Base64Text.decode(String(decoding: line, as: UTF8.self)).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: - The envelope

    private mutating func mail(_ argument: String) -> Answer {
        guard isGreeted else { return .reply("503 5.5.1 EHLO first") }
        guard !requiresLogin || isLoggedIn else { return .reply("530 5.7.0 Authentication required") }
        guard envelope == nil else { return .reply("503 5.5.1 Nested MAIL command") }
        guard let path = Self.path(argument, after: "FROM:") else {
            return .reply("501 5.5.4 Syntax: MAIL FROM:<address>")
        }
        isInternational = false
        for parameter in path.parameters {
            let pair = parameter.uppercased().split(separator: "=", maxSplits: 1)
            switch pair.first {
            case "SIZE":
                guard pair.count == 2, let size = Int(pair[1]) else { return .reply("501 5.5.4 SIZE is a number") }
                if size > Self.messageBytesMax { return .reply("552 5.3.4 Message size exceeds fixed limit") }
            case "SMTPUTF8" where offersSMTPUTF8: isInternational = true
            case "BODY", "AUTH", "RET", "ENVID": continue
            default: return .reply("555 5.5.4 Unsupported option: \(parameter)")
            }
        }
        guard path.address.isEmpty || EmailAddress(path.address) != nil else {
            return .reply("501 5.1.7 Bad sender address syntax")
        }
        guard isTaken(path.address) else { return .reply("550 5.6.7 Non-ASCII sender address without SMTPUTF8") }
        if path.address.lowercased().contains("@unverified") {
            return .reply("553 5.7.1 Sender address rejected: not owned by user")
        }
        envelope = Envelope(from: path.address)
        return .begin("250 2.1.0 Ok")
    }

    private mutating func recipient(_ argument: String) -> Answer {
        guard envelope != nil else { return .reply("503 5.5.1 Error: need MAIL command") }
        guard let path = Self.path(argument, after: "TO:") else { return .reply("501 5.5.4 Syntax: RCPT TO:<address>") }
        guard EmailAddress(path.address) != nil else { return .reply("501 5.1.3 Bad recipient address syntax") }
        guard isTaken(path.address) else { return .reply("553 5.6.7 Non-ASCII recipient address without SMTPUTF8") }
        guard (envelope?.to.count ?? 0) < Self.recipientsMax else { return .reply("452 4.5.3 Too many recipients") }
        // Nobody has this mailbox, so that a refused recipient can be tried out.
        if path.address.lowercased().hasPrefix("unknown@") {
            return .reply("550 5.1.1 <\(path.address)>: Recipient address rejected: User unknown")
        }
        // Nor has this one room for another mail.
        if path.address.lowercased().hasPrefix("full@") { return .reply("552 5.2.2 Mailbox full") }
        envelope?.to.append(path.address)
        return .reply("250 2.1.5 Ok")
    }

    /// Other letters than ASCII's are taken from who announces them.
    private func isTaken(_ address: String) -> Bool { isInternational || address.utf8.allSatisfy { $0 < 0x80 } }

    /// `FROM:<a@b> SIZE=10` in its parts.
    private static func path(_ argument: String, after word: String) -> (address: String, parameters: [String])? {
        guard argument.uppercased().hasPrefix(word) else { return nil }
        let rest = argument.dropFirst(word.count).drop { $0 == " " }
        guard rest.first == "<", let end = end(of: rest) else { return nil }
        let address = rest[rest.index(after: rest.startIndex)..<end]
        let parameters = rest[rest.index(after: end)...].split(separator: " ").map(String.init)
        return (String(address), parameters)
    }

    /// The bracket that closes a path: in a name's quotes it is a letter.
    private static func end(of path: Substring) -> Substring.Index? {
        var (isQuoted, isEscaped) = (false, false)
        return path.indices.first { index in
            defer { isEscaped = path[index] == "\\" && isQuoted && !isEscaped }
            if path[index] == "\"", !isEscaped { isQuoted.toggle() }
            return path[index] == ">" && !isQuoted
        }
    }

    // MARK: - The message

    private mutating func startData() -> Answer {
        guard let envelope else { return .reply("503 5.5.1 Error: need MAIL command") }
        guard !envelope.to.isEmpty else { return .reply("554 5.5.1 Error: no valid recipients") }
        mode = .data
        data = []
        isTooLarge = false
        return .reply("354 End data with <CR><LF>.<CR><LF>")
    }

    private mutating func takeData(_ line: ArraySlice<UInt8>) -> Answer {
        if line.elementsEqual(".".utf8) {
            mode = .commands
            defer {
                envelope = nil
                data = []
            }
            if isTooLarge { return .reply("552 5.3.4 Message size exceeds fixed limit") }
            return .message(envelope ?? Envelope(from: ""), data)
        }
        guard data.count + line.count + 2 <= Self.messageBytesMax else {
            isTooLarge = true
            data = []
            return .none
        }
        if isTooLarge { return .none }
        // The sender doubled a dot at the beginning of a line.
        data += line.first == UInt8(ascii: ".") ? line.dropFirst() : line
        data += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
        return .none
    }
}
