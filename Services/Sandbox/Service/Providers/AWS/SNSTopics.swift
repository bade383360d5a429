import Contracts
import Core
import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import Synchronization
import X509

/// Amazon SNS as it posts to HTTP addresses: asks whether they want it, then signs what it sends (docs.aws.amazon.com/sns).
final class SNSTopics: Sendable {
    static let topicDefault = "arn:aws:sns:eu-west-1:000000000000:polyclinic-sandbox"
    static let certificatePath = "/SimpleNotificationService-sandbox.pem"
    static let confirmation = "SubscriptionConfirmation"

    /// What is sent to an address is of the topic that stands as its secret.
    let sender: WebhookSender
    private let origin: Origin

    /// Where callers reach the provider; the certificate is there as well.
    private final class Origin: Sendable {
        private let url = Mutex("")

        var text: String { url.withLock { $0 } }
        func note(_ text: String) { url.withLock { $0 = text } }
    }

    init(path: String, publicURL: String?) {
        let origin = Origin()
        self.origin = origin
        sender = WebhookSender(secretDefault: Self.topicDefault, path: path, publicURL: publicURL) { topic, event, at in
            Self.delivery(of: event, topic, at, origin: origin.text)
        }
    }

    func noteOrigin(of request: SandboxRequest, _ name: String) {
        if let host = request.headers["host"] { origin.note("http://\(host)/\(name)") }
    }

    /// Registers an address, which gets nothing until it has confirmed that it wants it.
    func subscribe(_ url: String, topic: String?) -> WebhookSender.Endpoint? {
        guard let endpoint = sender.add(url, topic, isConfirmed: false) else { return nil }
        let text = "You have chosen to subscribe to the topic \(endpoint.secret)."
        sender.send(
            .init(id: endpoint.id, type: Self.confirmation, account: "sandbox", clinic: nil, body: Array(text.utf8)),
            to: endpoint
        )
        return endpoint
    }

    /// The certificate, and the confirmation of a subscription; `nil` for everything else.
    func answer(_ request: SandboxRequest, path: String) -> SandboxReply? {
        guard request.method == "GET" else { return nil }
        if path == Self.certificatePath {
            guard let signer = SNSSigner.shared else { return .problem(500, "There is no certificate.") }
            return SandboxReply(200, headers: [("Content-Type", "text/plain")], body: Array(signer.pem.utf8))
        }
        let query = Dictionary(request.query) { first, _ in first }
        guard path == "/", query["Action"] == "ConfirmSubscription" else { return nil }
        let endpoint = sender.endpoints.first { $0.id == query["Token"] && $0.secret == query["TopicArn"] }
        guard let endpoint, sender.confirm(endpoint.id) else {
            return SandboxReply(400, headers: [("Content-Type", "text/xml")], body: Array("<ErrorResponse/>".utf8))
        }
        let xml = """
            <ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult>\
            <SubscriptionArn>\(endpoint.secret):\(RequestID())</SubscriptionArn></ConfirmSubscriptionResult>\
            </ConfirmSubscriptionResponse>
            """
        return SandboxReply(200, headers: [("Content-Type", "text/xml")], body: Array(xml.utf8))
    }

    /// The envelope, with all that its signature covers; topics whose name ends with `-v1` sign with SHA-1 still.
    static func delivery(
        of event: WebhookSender.Event,
        _ topic: String,
        _ at: Instant,
        origin: String
    ) -> WebhookSender.Delivery {
        let isConfirmation = event.type == confirmation
        let version = topic.hasSuffix("-v1") ? "1" : "2"
        var fields = [
            "Type": isConfirmation ? confirmation : "Notification", "MessageId": event.id, "TopicArn": topic,
            "Message": String(decoding: event.body, as: UTF8.self),
            "Timestamp": Instant(microseconds: at.milliseconds * 1_000).rfc3339,
        ]
        if isConfirmation {
            fields["Token"] = event.id
            let arn = PercentCoding.encode(topic)
            fields["SubscribeURL"] = "\(origin)/?Action=ConfirmSubscription&TopicArn=\(arn)&Token=\(event.id)"
        }
        let content = fields.sorted { $0.key < $1.key }.map { "\($0.key)\n\($0.value)\n" }.joined()
        fields["SignatureVersion"] = version
        fields["Signature"] = SNSSigner.shared?.sign(Array(content.utf8), version: version) ?? ""
        fields["SigningCertURL"] = origin + certificatePath
        if !isConfirmation { fields["UnsubscribeURL"] = "\(origin)/?Action=Unsubscribe" }
        let body = (try? JSONWriter.encode(JSONValue.object(fields.mapValues { .string($0) }))) ?? []
        return WebhookSender.Delivery(
            headers: [
                ("x-amz-sns-message-type", fields["Type"] ?? ""), ("x-amz-sns-message-id", event.id),
                ("x-amz-sns-topic-arn", topic),
            ],
            contentType: "text/plain; charset=UTF-8",
            body: body
        )
    }
}

/// The key and the certificate that the sandbox's SNS signs with, made once for the process.
struct SNSSigner: Sendable {
    static let shared = SNSSigner()
    static let lifetime: Duration = .seconds(365 * 86_400)

    let pem: String
    private let key: _RSA.Signing.PrivateKey

    private init?() {
        let now = Instant.now()
        guard let key = try? _RSA.Signing.PrivateKey(keySize: .bits2048),
            let certificate = try? Self.certificate(
                of: key,
                "sns.amazonaws.com",
                from: now,
                until: now + Self.lifetime
            ),
            let pem = try? certificate.serializeAsPEM().pemString
        else { return nil }
        self.key = key
        self.pem = pem
    }

    static func certificate(
        of key: _RSA.Signing.PrivateKey,
        _ name: String,
        from: Instant,
        until: Instant
    ) throws -> Certificate {
        let subject = try DistinguishedName { CommonName(name) }
        return try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: .init(key.publicKey),
            notValidBefore: Date(timeIntervalSince1970: Double(from.seconds - 60)),
            notValidAfter: Date(timeIntervalSince1970: Double(until.seconds)),
            issuer: subject,
            subject: subject,
            signatureAlgorithm: .sha256WithRSAEncryption,
            extensions: .init(),
            issuerPrivateKey: .init(key)
        )
    }

    func sign(_ content: [UInt8], version: String) -> String? {
        let signature: _RSA.Signing.RSASignature?
        if version == "1" {
            signature = try? key.signature(for: Insecure.SHA1.hash(data: content), padding: .insecurePKCS1v1_5)
        } else {
            signature = try? key.signature(for: SHA256.hash(data: content), padding: .insecurePKCS1v1_5)
        }
        return signature.map { Base64.encode(Array($0.rawRepresentation)) }
    }
}
