import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
import Logging
import Outbound
import ProviderConfig
import TestKit

@testable import Communication

/// What the tests of providers share: credentials, messages, answers, and what others have recorded.
enum ProviderSamples {
    /// The pair of AWS's documentation, which opens nothing.
    static let accessKey = "AKIAIOSFODNN7EXAMPLE"
    static let secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    static func transports(trustRoots: String? = nil) throws -> ProviderTransports {
        let policy = try OutboundPolicy(allow: "loopback")
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        return ProviderTransports(policy: policy, log: log, trustRoots: trustRoots)
    }

    /// Credentials of a clinic whose name needs care, and what a test changes about them.
    static func credentials(_ changes: [String: JSONValue] = [:]) -> Credentials {
        let usual: [String: JSONValue] = [
            "accessKeyId": .string(accessKey), "secretAccessKey": .string(secretKey), "apiKey": "SG.secret-key",
            "fromEmail": "clinic@example.com", "fromName": "Klinik \"Süd\", Ost",
        ]
        return Credentials(usual.merging(changes) { _, new in new })
    }

    static func email(full: Bool = true) throws -> EmailToSend {
        guard let to = EmailAddress("asha@example.com"), let desk = EmailAddress("desk@example.com") else {
            throw TestKitError("no addresses")
        }
        var email = EmailToSend(
            id: id,
            to: to,
            replyTo: full ? desk : nil,
            subject: full ? "Ihr Termin – नमस्ते" : "Hello",
            text: full ? "Bis bald.\n\"Süd\" \\ 😀" : "Hello",
            html: full ? "<p>Bis bald.</p>" : nil,
            attachments: [],
            date: time,
            key: "01920000-0000-7000-8000-000000000001"
        )
        if full { email.furtherHeaders = headers }
        return email
    }

    /// Of a sender's own choice.
    static let headers = [
        "In-Reply-To": "<0190-1@clinic.example>", "X-Praxis": "Süd – नमस्ते", "X-Entity-Ref-ID": "visit-17",
    ]

    /// With a picture that the page shows and a letter; the names need care.
    static func emailWithFiles() throws -> EmailToSend {
        let plain = try email()
        let picture = AttachedFile(filename: "logo.png", contentType: "image/png", contentID: "logo@clinic", size: 6)
        let letter = AttachedFile(filename: "Brief für Süd; 1.pdf", contentType: "application/pdf", size: 300)
        var email = EmailToSend(
            id: plain.id,
            to: plain.to,
            replyTo: plain.replyTo,
            subject: plain.subject,
            text: plain.text,
            html: plain.html,
            attachments: [
                Attachment(file: picture, bytes: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A]),
                Attachment(file: letter, bytes: Array("%PDF-1.7".utf8) + [UInt8](repeating: 0xC3, count: 292)),
            ],
            date: plain.date,
            key: plain.key
        )
        email.furtherHeaders = plain.furtherHeaders
        return email
    }

    static func text(
        _ text: String,
        approved: ApprovedTemplate? = nil,
        expiresAt: Instant? = nil,
        category: MessageCategory = .care,
        statusURL: String? = nil,
        lastInbound: [String: Instant] = [:]
    ) throws -> TextToSend {
        guard let to = PhoneNumber("+4915112345678") else { throw TestKitError("no number") }
        return TextToSend(
            id: id,
            to: .phone(to),
            text: text,
            approved: approved,
            windows: ConversationWindows(lastInbound: lastInbound),
            expiresAt: expiresAt,
            category: category,
            statusURL: statusURL
        )
    }

    static func notice(
        to token: String = "device-token-0001",
        expiresAt: Instant? = nil,
        isUrgent: Bool = false
    ) -> PushToSend {
        PushToSend(
            id: id,
            token: Secret(token),
            title: "Klinik \"Süd\"",
            text: "Bis bald – नमस्ते 😀",
            expiresAt: expiresAt,
            isUrgent: isUrgent
        )
    }

    private static let id = MessageID(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0001)

    static let time = Instant(seconds: 1_792_566_000)

    /// A text by SMS or WhatsApp; `lastInbound` is when its recipient wrote, by the clinic's number.
    static func text(
        to number: String = "+919876543210",
        approved: ApprovedTemplate? = nil,
        lastInbound: [String: Instant] = [:]
    ) throws -> TextToSend {
        guard let to = PhoneNumber(number) else { throw TestKitError("no number") }
        return TextToSend(
            id: MessageID(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0001),
            to: .phone(to),
            text: "Bis bald.\n\"Süd\" \\ 😀",
            approved: approved,
            windows: ConversationWindows(lastInbound: lastInbound),
            expiresAt: nil,
            category: .care,
            statusURL: nil
        )
    }

    /// A notice to an app.
    static func push(full: Bool = false) -> PushToSend {
        PushToSend(
            id: MessageID(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0001),
            token: Secret("fGTokenOfAnInstalledApp:APA91b"),
            title: full ? "Klinik \"Süd\"" : nil,
            text: "Bring your card. 😀",
            expiresAt: full ? time + .seconds(5_400) : nil,
            isUrgent: full
        )
    }

    /// A request as it goes out, to the byte.
    static func text(_ call: ProviderCall) -> String {
        let head = ["\(call.method) \(call.url)"] + call.headers.map { "\($0.name): \($0.value)" }
        return head.joined(separator: "\n") + "\n\n" + String(decoding: call.body, as: UTF8.self)
    }

    /// A file below Tests/Golden/providers.
    static func recorded(_ name: String) throws -> JSONValue {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: tests.appending(path: "Golden/providers/\(name)"))
        return try JSONTape(Array(data)).decode(JSONValue.self)
    }
}

/// What a provider answered, as its documentation or its clients show it.
struct RecordedAnswer: Sendable, CustomStringConvertible {
    let status: Int
    var headers: [(name: String, value: String)] = []
    var body = ""

    init(_ status: Int, _ headers: [(name: String, value: String)] = [], _ body: String = "") {
        self.status = status
        self.headers = headers
        self.body = body
    }

    var description: String { "\(status) \(body.prefix(60))" }
    var response: OutboundResponse { OutboundResponse(status: status, headers: headers, body: Array(body.utf8)) }
}
