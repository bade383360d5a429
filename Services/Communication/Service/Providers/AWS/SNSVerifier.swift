import Contracts
import Core
import Logging
import Outbound
import ProviderConfig
import Telemetry

/// Believes what SNS posts when it is of the entry's own topic, fresh, and signed with a certificate of theirs.
///
/// A valid signature alone proves nothing: SNS signs for whoever has an account.
struct SNSVerifier: Sendable {
    /// SNS tries again for an hour at most; the rest is for clocks.
    static let oldest: Duration = .seconds(65 * 60)
    static let earliest: Duration = .seconds(5 * 60)
    /// A subscription is confirmed within the request that asks for it.
    static let confirmationTime: Duration = .seconds(5)

    let http: OutboundHTTP
    let policy: OutboundPolicy
    let certificates: SNSCertificates
    let log: Logger

    init(_ transports: ProviderTransports) {
        http = transports.http
        policy = transports.policy
        log = transports.log
        certificates = SNSCertificates(http: http)
    }

    /// Reads a webhook for an entry that names its topic, and confirms the subscription to it.
    ///
    /// `nil` for what is of another topic, or not signed by SNS. Throws 503 while the certificate or the confirmation cannot be
    /// had: SNS tries again after that alone.
    ///
    /// - Parameter content: what a message of the topic tells; what is about the subscription itself is dealt with, and tells
    ///   nothing.
    func read(
        _ call: WebhookCall,
        for entry: ProviderEntry,
        at now: Instant,
        content: (SNSEnvelope) -> WebhookContent
    ) async throws -> WebhookContent? {
        guard let topic = entry.credentials.text("eventTopicArn"), let envelope = SNSEnvelope(call.body),
            envelope.topic.arn == topic, Self.isFresh(envelope.timestamp, at: now)
        else { return nil }
        let origins = origins(of: entry, envelope.topic)
        guard let url = Self.certificateURL(of: envelope, origins),
            let certificate = try await certificate(at: url, now: now), certificate.isTrusted(at: now),
            envelope.signedTexts.contains(where: {
                certificate.isSigned($0, envelope.signature, version: envelope.version)
            })
        else { return nil }
        switch envelope.kind {
        case .notification: return content(envelope)
        case .subscribed: try await confirm(envelope, origins)
        case .unsubscribed:
            // Somebody ended it on purpose, or by mistake; either way it is not ours to begin again.
            log.warning("An SNS topic was unsubscribed: its events will not come any more", metadata: fields(entry))
        }
        return WebhookContent()
    }

    private static func isFresh(_ timestamp: Instant, at now: Instant) -> Bool {
        (now - oldest...now + earliest).contains(timestamp)
    }

    /// Where SNS's certificate and confirmation may be: at the topic's region alone, and for an entry that the operator
    /// lets be reached elsewhere, there.
    private func origins(of entry: ProviderEntry, _ topic: SNSTopic) -> [String] {
        var origins = ["https://\(topic.host)"]
        if let endpoint = entry.credentials.text("endpoint"), (try? policy.check(endpoint: endpoint)) != nil,
            let target = try? OutboundURL(endpoint)
        {
            origins.append("\(target.isEncrypted ? "https" : "http")://\(target.authority)")
        }
        return origins
    }

    /// The certificate's address, if it is one at which SNS publishes them.
    static func certificateURL(of envelope: SNSEnvelope, _ origins: [String]) -> String? {
        let url = envelope.certificateURL
        guard url.utf8.count <= 500, origins.contains(where: { url.hasPrefix("\($0)/") }), url.hasSuffix(".pem"),
            url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !url.contains(where: { "?#%\\@".contains($0) }),
            !url.contains("..")
        else { return nil }
        return url
    }

    /// The confirmation's address, if it confirms this very topic, and at SNS.
    static func confirmationURL(of envelope: SNSEnvelope, _ origins: [String]) -> String? {
        guard let url = envelope.subscribeURL, url.utf8.count <= 2_048,
            let origin = origins.first(where: { url.hasPrefix("\($0)/") }), !url.contains("#"),
            let mark = url.firstIndex(of: "?")
        else { return nil }
        guard !url[..<mark].dropFirst(origin.count).contains(where: { "%\\@".contains($0) }) else { return nil }
        var query: [String: String] = [:]
        for pair in url[url.index(after: mark)...].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = PercentCoding.decode(parts[0], plusIsSpace: true),
                let value = PercentCoding.decode(parts[1], plusIsSpace: true), query[name] == nil
            else { return nil }
            query[name] = value
        }
        guard query["Action"] == "ConfirmSubscription", query["TopicArn"] == envelope.topic.arn, query["Token"] != nil
        else { return nil }
        return url
    }

    private func certificate(at url: String, now: Instant) async throws -> SNSCertificate? {
        do {
            return try await certificates.certificate(at: url, now: now)
        } catch {
            log.warning("A certificate of SNS could not be fetched", error: error)
            throw Problem.unavailable("The provider's certificate")
        }
    }

    private func confirm(_ envelope: SNSEnvelope, _ origins: [String]) async throws(Problem) {
        guard let url = Self.confirmationURL(of: envelope, origins) else {
            throw .malformed("The subscription cannot be confirmed at that address.")
        }
        do {
            let response = try await http.send(
                method: "GET",
                url: url,
                headers: [("User-Agent", ProviderCall.userAgent)],
                deadline: .after(Self.confirmationTime)
            )
            // Theirs to refuse: a token lives three days, and asking again would not mend it.
            if (400..<500).contains(response.status), response.status != 429 {
                throw Problem.malformed("The provider refused the subscription's confirmation.")
            }
            guard response.status == 200 else { throw Problem.unavailable("The provider's confirmation") }
        } catch let problem as Problem {
            throw problem
        } catch {
            throw .unavailable("The provider's confirmation")
        }
        log.notice("Subscribed to an SNS topic")
    }

    private func fields(_ entry: ProviderEntry) -> Logger.Metadata {
        .fields([.provider: entry.provider, .providerEntryID: entry.id.description])
    }
}
