import CommunicationAPI
import Contracts
import Core
import Crypto
import ProviderConfig
import Vault

/// ZeptoMail's webhooks: who signed them, and what they say of our messages.
struct ZeptoMailWebhooks: WebhookReader {
    /// What they are signed with, among the credentials.
    static let key = "webhookSecret"
    /// Nothing is known of when they try again and under which time: as for others, a day counts; each event counts once all the
    /// same.
    static let oldest: Duration = .seconds(25 * 3_600)
    static let earliest: Duration = .seconds(300)
    /// Digits of a time.
    private static let longestTime = 15
    /// Messages that one webhook may speak of.
    static let mostMessages = 1_000

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        let secrets = entry.webhookSecrets(Self.key, at: now)
        guard Self.isSigned(call.body, call.headers["producer-signature"], secrets: secrets, at: now) else {
            return nil
        }
        return WebhookContent(reports: try Self.reports(call.body))
    }

    /// Whether `producer-signature` is the HMAC-SHA256 of the raw body under one of the authentication keys.
    ///
    /// It was seen to be that of the body alone, and of the time `ts` and the body, with and without a dot between them. None of
    /// these can be taken for another: a body begins with a brace. A time that is signed has to be of these days.
    static func isSigned(_ body: [UInt8], _ header: String?, secrets: [Secret], at now: Instant) -> Bool {
        var parts: [Substring: Substring] = [:]
        for part in (header ?? "").split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { parts[pair[0].drop { $0 == " " }] = pair[1] }
        }
        guard parts["s-algorithm"] == "HmacSHA256", let text = parts["s"],
            let decoded = PercentCoding.decode(text, plusIsSpace: false), let signature = Base64.decode(decoded)
        else { return false }
        var beginnings: [[UInt8]] = [[]]
        if body.first == UInt8(ascii: "{"), let time = parts["ts"], isRecent(time, at: now) {
            beginnings += [Array(time.utf8), Array("\(time).".utf8)]
        }
        var isSigned = false
        for secret in secrets {
            let key = SymmetricKey(data: Array(secret.unredacted.utf8))
            for beginning in beginnings {
                let expected = Array(HMAC<SHA256>.authenticationCode(for: beginning + body, using: key))
                if constantTimeEqual(signature, expected) { isSigned = true }
            }
        }
        return isSigned
    }

    /// - Parameter time: in milliseconds since 1970.
    private static func isRecent(_ time: Substring, at now: Instant) -> Bool {
        guard (1...longestTime).contains(time.utf8.count), time.utf8.allSatisfy(\.isDigit),
            let milliseconds = Int64(time)
        else { return false }
        return (now - oldest...now + earliest).contains(Instant(microseconds: milliseconds * 1_000))
    }

    /// What a webhook says; throws 400 for what is none.
    static func reports(_ body: [UInt8]) throws(Problem) -> [DeliveryReport] {
        let webhook = try JSONValue.webhook(body)
        let names = webhook["event_name"]?.list.compactMap(\.string) ?? []
        guard !names.isEmpty else { throw .malformed("The webhook names no event.") }
        let messages = webhook["event_message"]?.list ?? []
        guard messages.count <= mostMessages else { throw .malformed("The webhook speaks of too many messages.") }
        let details = messages.map { Self.details(of: $0) }
        guard details.joined().reduce(0, { $0 + $1.recipients.count }) <= WebhookCall.mostReports else {
            throw .malformed("The webhook names too many recipients.")
        }
        let id = ProviderVerdict.id(webhook["webhook_request_id"]) ?? Array(SHA256.hash(data: body)).hex
        // One event for all its messages, or one for each.
        return messages.enumerated().flatMap { index, message -> [DeliveryReport] in
            guard let event = event(names.count == messages.count ? names[index] : names[0]) else { return [] }
            let reports = DeliveryReport.each(
                details[index].flatMap(\.recipients),
                id: "\(id):\(index)",
                message: message["email_info"]?["client_reference"]?.string.flatMap { MessageID($0) },
                providerMessageID: ProviderVerdict.id(message["request_id"]),
                event
            )
            guard event == .hardBounce else { return reports }
            let bounces = details[index].flatMap(\.bounces)
            guard bounces.count == reports.count else { return reports }
            return zip(reports, bounces).map { report, bounce in
                var report = report
                report.event = bounce
                return report
            }
        }
    }

    /// The spellings seen differ in case and in what stands between the words.
    private static func event(_ name: String) -> DeliveryEvent? {
        switch String(name.lowercased().filter { ("a"..."z").contains($0) }) {
        case "softbounce": .softBounce
        case "hardbounce": .hardBounce
        case "delivered", "emaildelivered": .delivered
        // Who follows a link has the message open.
        case "emailopen", "emaillinkclick": .opened
        case "fblcompliant", "fblcomplaint", "feedbackloop": .complained
        default: nil
        }
    }

    /// What one detail of a message tells.
    private struct Detail {
        /// Who is concerned.
        let recipients: [String]
        /// What their server has said.
        let said: String?

        /// What a bounce for good comes to, for each of the recipients: what was said is read once for all of them.
        var bounces: [DeliveryEvent] {
            let bounce = MailReport.bounce(status: nil, said: said.map { "smtp; \($0)" })
            return Array(repeating: bounce, count: recipients.count)
        }
    }

    /// Who is concerned, and what their server has said; the message's own `to` names everybody it went to.
    private static func details(of message: JSONValue) -> [Detail] {
        let details = (message["event_data"]?.list ?? []).flatMap { $0["details"]?.list ?? [] }
        return details.map { detail in
            let bounced = detail["bounced_recipient"]?.list.compactMap(\.string) ?? []
            let recipients = bounced.isEmpty ? detail["to"]?.list.compactMap(\.string) ?? [] : bounced
            return Detail(recipients: recipients, said: detail["diagnostic_message"]?.string)
        }
    }
}
