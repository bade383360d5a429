import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// A clinic's own mail server.
///
/// Where the credentials have an `endpoint`, it stands in place of `host` and `port`: mails go there, and the server there shows a
/// certificate of that name.
struct SMTPProvider: EmailProvider {
    static let name = "smtp"
    static let keys: [CredentialShape.Key] = [
        .text("host"), .init("port", form: .number(1...65_535)),
        .init("security", form: .choice(["none", "starttls", "tls"])), .optional("username"),
        .init("password", isSecret: true, isRequired: false), .email("fromEmail"), .text("fromName"),
        .init(SMTPWebhooks.key, isSecret: true, isRequired: false, signsWebhooks: true)
            .upTo(WebhookHandshake.longestToken), .optional("endpoint"),
    ]
    static let bouncesByMail = true
    /// A mail server names no limit; this is about what one process can hand over.
    static let usualRate = 2_500.0

    /// Whoever knows it may bring the clinic e-mails; in bytes.
    static let shortestToken = 16

    private let server: SMTPServer
    private let from: EmailAddress
    private let fromName: String
    private let transport: SMTPTransport

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let server = Self.server(credentials),
            let from = credentials.sender
        else { return nil }
        self.server = server
        self.from = from
        fromName = credentials.text("fromName") ?? ""
        transport = transports.smtp
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? { SMTPWebhooks() }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if let token = credentials.text("verifyToken"), token.utf8.count < shortestToken {
            faults.append(.init("verifyToken", "must have at least \(shortestToken) characters"))
        }
        if credentials.text("username") == nil, credentials.text("password") != nil {
            faults.append(.init("username", "is required with a password"))
        }
        if case .integer = credentials.unredacted["port"] {} else { faults.append(.init("port", "must be a number")) }
        guard let host = credentials.text("host") else { return faults + [.init("host", "is not a mail server")] }
        guard let security = security(credentials) else {
            return faults + [.init("security", "is none that there is")]
        }
        // Nobody connects to what the endpoint stands in for.
        if let endpoint = credentials.text("endpoint") { return faults + endpointFaults(endpoint, security, policy) }
        do {
            try policy.check(server: host, encrypted: security != .none)
        } catch {
            faults.append(.init(error == .unencrypted ? "security" : "host", error.description))
        }
        return faults
    }

    /// A mail server brings e-mails where it has been given a secret for it.
    static func hasWebhook(_ credentials: Credentials) -> Bool { credentials.text("verifyToken") != nil }

    func send(_ email: EmailToSend, deadline: Deadline) async -> ProviderVerdict {
        // libcurl takes whatever follows the first @ for the domain, and writes its other letters in ASCII.
        if !SMTPTransport.isSafe(from) || !SMTPTransport.isSafe(email.to) { return .asciiOnly(host: .untried) }
        guard let bytes = try? writing(email).bytes() else {
            return ProviderVerdict(
                .contentRejected,
                host: .untried,
                code: "header",
                detail: "The subject or a name has a line break."
            )
        }
        let result = await transport.send(
            server,
            from: from,
            to: email.to,
            message: bytes,
            for: email.clinic,
            deadline: deadline
        )
        var verdict = SMTPClassification.verdict(result)
        // A mail server names nothing; a bounce comes back with the name that we have given.
        if [.accepted, .unknownOutcome].contains(verdict.outcome) { verdict.messageID = Self.name(of: email) }
        return verdict
    }

    /// What the server is handed.
    func writing(_ email: EmailToSend) -> MIMEMessage {
        MIMEMessage(
            from: .init(from, name: fromName),
            to: .init(email.to),
            replyTo: email.replyTo.map { .init($0) },
            subject: email.subject,
            text: email.text,
            html: email.html,
            attachments: email.attachments.map {
                .init(
                    filename: $0.file.filename,
                    contentType: $0.file.contentType,
                    contentID: $0.file.contentID,
                    bytes: $0.bytes
                )
            },
            messageID: "\(Self.name(of: email))@\(from.domain)",
            date: email.date,
            headers: email.unsubscribeHeaders,
            texts: email.furtherTexts
        )
    }

    /// Sent again it is another message to mail servers: what they report of the first one is not about it.
    private static func name(of email: EmailToSend) -> String { email.key.replacing("/", with: ".") }

    func check(deadline: Deadline) async -> ProviderVerdict {
        SMTPClassification.verdict(await transport.check(server, from: from, deadline: deadline))
    }

    static func endpoint(_ credentials: Credentials) -> String? {
        server(credentials).map { "\($0.host.lowercased()):\($0.port)" }
    }

    private static func endpointFaults(
        _ text: String,
        _ security: SMTPServer.Security,
        _ policy: OutboundPolicy
    ) -> [CredentialFault] {
        do throws(OutboundError) {
            let endpoint = try SMTPEndpoint(text)
            // The two say the same: neither is passed over.
            guard endpoint.isEncrypted == (security == .tls) else {
                let detail = "must begin with smtps:// where security is tls, and with smtp:// elsewhere"
                return [.init("endpoint", detail)]
            }
            try policy.check(endpoint: endpoint, encrypted: security != .none)
        } catch {
            return [.init("endpoint", error.description)]
        }
        return []
    }

    private static func security(_ credentials: Credentials) -> SMTPServer.Security? {
        credentials.text("security").flatMap { SMTPServer.Security(rawValue: $0) }
    }

    private static func server(_ credentials: Credentials) -> SMTPServer? {
        guard let host = credentials.text("host"), case .integer(let port) = credentials.unredacted["port"],
            let security = security(credentials)
        else { return nil }
        let endpoint = credentials.text("endpoint").flatMap { try? SMTPEndpoint($0) }
        return SMTPServer(
            host: endpoint?.host ?? host,
            port: endpoint?.port ?? Int(port),
            security: security,
            username: credentials.text("username"),
            password: credentials.text("password").map { Secret($0) }
        )
    }
}
