package import Core

/// A mail server and how to sign in there.
package struct SMTPServer: Hashable, Sendable {
    package enum Security: String, Sendable, Codable, CaseIterable {
        /// Plain text throughout.
        case none
        /// Plain at first, encrypted before anything is said (RFC 3207); never without.
        case starttls
        /// Encrypted from the first byte.
        case tls
    }

    package var host: String
    package var port: Int
    package var security: Security
    package var username: String?
    package var password: Secret?

    package init(host: String, port: Int, security: Security, username: String? = nil, password: Secret? = nil) {
        self.host = host
        self.port = port
        self.security = security
        self.username = username
        self.password = password
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(host)
        hasher.combine(port)
        hasher.combine(username)
    }
}

/// What became of one message handed to a mail server.
package struct SMTPResult: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case accepted
        /// The server said no, with this reply code.
        case refused
        /// The server does not take the letters of the message's addresses (SMTPUTF8, RFC 6531): it was told nothing of it.
        case needsSMTPUTF8
        /// The server did not let us in.
        case notAuthenticated
        /// Nothing of the message was taken over: no route, no TLS, no greeting, no room here.
        case notSent(OutboundFailure.NotSent)
        /// The message was on its way when the connection was lost: it may or may not have arrived.
        case unknown
    }

    /// What the server was last asked, and so what its last reply is about.
    package enum Step: Int, Sendable, Comparable {
        /// Nothing of the message yet: greetings, encryption, signing in.
        case beginning
        case sender, recipient, text

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    package var verdict: Verdict
    package var step: Step
    /// The transport's own result number, for logs.
    package var curlCode: Int
    /// The server's last reply code; 0 when there was none.
    package var replyCode: Int
    /// The enhanced status of that reply (RFC 3463), as `5.1.1`.
    package var enhanced: String?
    /// The text of that reply, which may quote an address and is never to be logged.
    package var line: Redacted<String>

    package init(
        verdict: Verdict,
        step: Step = .beginning,
        curlCode: Int = 0,
        replyCode: Int = 0,
        enhanced: String? = nil,
        line: String = ""
    ) {
        self.verdict = verdict
        self.step = step
        self.curlCode = curlCode
        self.replyCode = replyCode
        self.enhanced = enhanced
        self.line = Redacted(line)
    }
}
