import CCurl
import Core

/// One libcurl handle and its connection to one server, used by one thread at a time.
///
/// `@unchecked Sendable`: the transport hands a transfer from one worker to the next under its lock and never to two.
@safe final class SMTPTransfer: @unchecked Sendable {
    /// How long a kept connection stays good.
    static let longestIdleSeconds = 30

    private let handle: UnsafeMutableRawPointer
    private let conversation = Conversation()

    /// `nil` when libcurl has no memory for a handle.
    init?() {
        guard Self.libraryIsReady, let handle = unsafe curl_easy_init() else { return nil }
        unsafe self.handle = unsafe handle
    }

    deinit { unsafe curl_easy_cleanup(handle) }

    /// Sends one message, or asks, and blocks until the server has answered or the time is over.
    ///
    /// - Parameter trustRoots: a file of certificates that are trusted in place of the system's.
    func send(
        _ envelope: SMTPEnvelope,
        addresses: [IPAddress],
        trustRoots: String?,
        within time: Duration
    ) -> SMTPResult {
        // On a connection that is kept the server does not say again what it takes.
        if conversation.lacksSMTPUTF8(for: envelope) { return SMTPResult(verdict: .needsSMTPUTF8) }
        // Reset keeps the connection and forgets everything of the last message.
        unsafe curl_easy_reset(handle)
        conversation.begin(envelope)
        setUp(envelope.server, name: envelope.name, milliseconds: Int(max(1, time.milliseconds)))
        if let trustRoots { set(CURLOPT_CAINFO, trustRoots) }
        var recipients: UnsafeMutablePointer<curl_slist>?
        var pinned = unsafe curl_slist_append(nil, Self.pin(envelope.server, addresses))
        defer {
            unsafe curl_slist_free_all(recipients)
            unsafe curl_slist_free_all(pinned)
            unsafe recipients = nil
            unsafe pinned = nil
        }
        unsafe polyclinic_curl_set_list(handle, CURLOPT_RESOLVE, pinned)
        if let mail = envelope.mail {
            unsafe recipients = unsafe curl_slist_append(nil, "<\(mail.recipient)>")
            unsafe polyclinic_curl_set_list(handle, CURLOPT_MAIL_RCPT, recipients)
            set(CURLOPT_MAIL_FROM, "<\(mail.sender)>")
            set(CURLOPT_UPLOAD, 1)
            unsafe polyclinic_curl_set_size(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(mail.message.count))
        } else {
            set(CURLOPT_CUSTOMREQUEST, "NOOP")
        }
        let context = unsafe Unmanaged.passUnretained(conversation).toOpaque()
        unsafe polyclinic_curl_set_pointer(handle, CURLOPT_READDATA, context)
        unsafe polyclinic_curl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        unsafe polyclinic_curl_set_pointer(handle, CURLOPT_DEBUGDATA, context)
        let code = unsafe Int(curl_easy_perform(handle).rawValue)
        // Breaking off is an error to libcurl, and the connection of no use any more.
        if conversation.isBrokenOff { return SMTPResult(verdict: .needsSMTPUTF8, curlCode: code) }
        var reply = 0
        unsafe polyclinic_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &reply)
        return SMTPReply.result(
            curl: code,
            reply: reply,
            hasBegun: conversation.hasBegun,
            lines: conversation.lines,
            step: conversation.step
        )
    }

    private func setUp(_ server: SMTPServer, name: String?, milliseconds: Int) {
        let scheme = server.security == .tls ? "smtps" : "smtp"
        let host = server.host.contains(":") ? "[\(server.host)]" : server.host
        // The path is what libcurl says of us in EHLO; without one it says the machine's name, which nobody else knows.
        set(CURLOPT_URL, "\(scheme)://\(host):\(server.port)/\(name ?? "")")
        set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        set(CURLOPT_USE_SSL, server.security == .none ? Int(CURLUSESSL_NONE.rawValue) : Int(CURLUSESSL_ALL.rawValue))
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_NOPROGRESS, 1)
        set(CURLOPT_SASL_IR, 1)
        // A proxy of the environment would resolve the name for itself and undo the check of the address.
        set(CURLOPT_PROXY, "")
        set(CURLOPT_TIMEOUT_MS, milliseconds)
        set(CURLOPT_CONNECTTIMEOUT_MS, min(milliseconds, Int(OutboundHTTP.connectTime.milliseconds)))
        set(CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, milliseconds / 1_000))
        set(CURLOPT_MAXAGE_CONN, Self.longestIdleSeconds)
        if let username = server.username {
            set(CURLOPT_USERNAME, username)
            set(CURLOPT_PASSWORD, server.password?.unredacted ?? "")
        }
        unsafe polyclinic_curl_set_function(handle, CURLOPT_READFUNCTION, readBody)
        unsafe polyclinic_curl_set_function(handle, CURLOPT_HEADERFUNCTION, keepLine)
        unsafe polyclinic_curl_set_function(handle, CURLOPT_WRITEFUNCTION, discard)
        // libcurl tells what it says itself only where all is told; it goes to the listener, and nowhere else.
        set(CURLOPT_VERBOSE, 1)
        unsafe polyclinic_curl_set_listener(handle, noteCommand)
    }

    private func set(_ option: CURLoption, _ value: Int) { unsafe polyclinic_curl_set_long(handle, option, value) }
    private func set(_ option: CURLoption, _ value: String) { unsafe polyclinic_curl_set_text(handle, option, value) }

    /// Ties the name to the addresses that were checked, for this transfer's own look-up.
    private static func pin(_ server: SMTPServer, _ addresses: [IPAddress]) -> String {
        let list = addresses.map { $0.isVersion4 ? $0.description : "[\($0)]" }.joined(separator: ",")
        return "\(server.host):\(server.port):\(list)"
    }

    private static let libraryIsReady: Bool = polyclinic_curl_start().rawValue == 0
}

/// What goes out and what came back; lives as long as its transfer, so that callbacks can use it unretained.
private final class Conversation {
    /// Lines kept of one conversation, the last ones, and bytes of a line.
    static let mostLines = 100
    static let longestLine = 1_000
    /// Bytes of a command that say which it is.
    static let longestCommand = 8

    private var message: [UInt8] = []
    private var position = 0
    private(set) var lines: [String] = []
    /// The server has asked for the text.
    private(set) var hasBegun = false
    private(set) var step = SMTPResult.Step.beginning
    /// Whether the server takes addresses in all letters, as it introduced itself last on this connection; `nil` before that.
    private var offersSMTPUTF8: Bool?
    /// It was ended because the server does not take the message's addresses.
    private(set) var isBrokenOff = false
    private var needsSMTPUTF8 = false
    /// The server answers to our name.
    private var isIntroducing = false
    /// What it offers so far is not what counts: it says it again once the connection is encrypted (RFC 3207).
    private var isInTheOpen = false

    func begin(_ envelope: SMTPEnvelope) {
        message = envelope.mail?.message ?? []
        position = 0
        lines = []
        hasBegun = false
        step = .beginning
        isBrokenOff = false
        needsSMTPUTF8 = envelope.mail?.needsSMTPUTF8 ?? false
        isIntroducing = false
        isInTheOpen = envelope.server.security == .starttls
    }

    /// Whether the server is known not to take a message's addresses.
    func lacksSMTPUTF8(for envelope: SMTPEnvelope) -> Bool {
        envelope.mail?.needsSMTPUTF8 == true && offersSMTPUTF8 == false
    }

    func note(_ command: UnsafeRawBufferPointer) {
        let text = unsafe String(decoding: command.prefix(Self.longestCommand), as: UTF8.self)
        step = SMTPReply.step(text) ?? step
        if SMTPReply.isSTARTTLS(text) { isInTheOpen = false }
        isIntroducing = SMTPReply.isIntroduction(text)
        if isIntroducing { offersSMTPUTF8 = false }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        hasBegun = true
        let count = min(buffer.count, message.count - position)
        unsafe buffer.copyBytes(from: message[position..<position + count])
        position += count
        return count
    }

    /// Keeps a line of the server's; `false` to say nothing more to it.
    func keep(_ line: UnsafeRawBufferPointer) -> Bool {
        if lines.count == Self.mostLines { lines.removeFirst() }
        let text = unsafe String(decoding: line.prefix(Self.longestLine), as: UTF8.self)
        // By scalars: to step back over one character may mean to read all that is before it.
        let end = text.unicodeScalars.lastIndex { !$0.properties.isWhitespace }
        lines.append(end.map { String(text.unicodeScalars[...$0]) } ?? "")
        guard isIntroducing, text.hasPrefix("250") else { return true }
        if SMTPReply.offersSMTPUTF8(text) { offersSMTPUTF8 = true }
        // libcurl would go on, and say the address as it is.
        isBrokenOff = needsSMTPUTF8 && offersSMTPUTF8 != true && !isInTheOpen && !text.hasPrefix("250-")
        return !isBrokenOff
    }
}

private func readBody(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let buffer = unsafe buffer, let context = unsafe context else { return 0 }
    let conversation = unsafe Unmanaged<Conversation>.fromOpaque(context).takeUnretainedValue()
    return unsafe conversation.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
}

private func keepLine(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let buffer = unsafe buffer, let context = unsafe context else { return size * count }
    let conversation = unsafe Unmanaged<Conversation>.fromOpaque(context).takeUnretainedValue()
    return unsafe conversation.keep(UnsafeRawBufferPointer(start: buffer, count: size * count)) ? size * count : 0
}

/// Passwords are among what is told: nothing is kept but what a command is about.
private func noteCommand(
    _ handle: UnsafeMutableRawPointer?,
    _ kind: curl_infotype,
    _ data: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ context: UnsafeMutableRawPointer?
) -> CInt {
    guard kind == CURLINFO_HEADER_OUT, let data = unsafe data, let context = unsafe context else { return 0 }
    let conversation = unsafe Unmanaged<Conversation>.fromOpaque(context).takeUnretainedValue()
    unsafe conversation.note(UnsafeRawBufferPointer(start: data, count: size))
    return 0
}

private func discard(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int { size * count }
