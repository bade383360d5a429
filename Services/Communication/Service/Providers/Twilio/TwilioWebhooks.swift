import CommunicationAPI
import Contracts
import Core
import ProviderConfig

/// Twilio's callbacks: what became of messages, and what patients have written.
struct TwilioWebhooks: WebhookReader {
    /// What they are signed with, among the credentials.
    static let key = "authToken"

    /// Words to a telephone number after which Twilio sends it nothing more, unless the clinic has set words of its own.
    static let endingWords: Set<String> = [
        "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT",
    ]
    /// Words that Twilio heeds and answers with a confirmation by itself.
    ///
    /// It says so (`OptOutType`) only where the clinic has set words of its own.
    private static let confirmedWords = endingWords.union(["START", "UNSTOP"])

    /// What stood in the answer to a text would be sent to who wrote it.
    var acknowledgement: Int { 204 }

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        guard let url = call.url, let form = FormBody.parse(call.body),
            TwilioSignature.isValid(
                call.headers["x-twilio-signature"],
                url: url,
                form: form,
                tokens: entry.webhookSecrets(Self.key, at: now)
            )
        else { return nil }
        // One token may sign for several accounts, and one account may stand behind both channels.
        guard form.value("AccountSid") == entry.credentials.text("accountSid"),
            Self.channel(form).rawValue == entry.channel
        else { return nil }
        var text = Self.text(form)
        text?.isToOwnNumber = Self.isToOwnNumber(form, of: entry)
        return WebhookContent(reports: Self.reports(form, message: call.message), texts: text.map { [$0] } ?? [])
    }

    private static func isToOwnNumber(_ form: FormBody.Pairs, of entry: ProviderEntry) -> Bool {
        guard let own = ["fromNumber", "whatsappNumber"].lazy.compactMap({ entry.credentials.text($0) }).first else {
            return form.value("MessagingServiceSid") == entry.credentials.text("messagingServiceSid")
        }
        return form.value("To").map { bare($0) } == bare(own)
    }

    /// What a callback says of a message of ours.
    static func reports(_ form: FormBody.Pairs, message: MessageID?) -> [DeliveryReport] {
        guard let status = form.value("MessageStatus"), let sid = ProviderVerdict.token(form.value("MessageSid")),
            let event = event(status, code(form))
        else { return [] }
        return [
            DeliveryReport(
                id: "\(sid):\(status)",
                message: message,
                providerMessageID: sid,
                event: event,
                recipient: form.value("To").map { bare($0) },
                code: event.isFailure ? ProviderVerdict.token(form.value("ErrorCode")) : nil,
                fault: event == .rejected ? TwilioReply.fault(code(form)) : nil
            )
        ]
    }

    /// What somebody has written; `nil` where a callback is about a message of ours, or comes from no person's number.
    static func text(_ form: FormBody.Pairs) -> InboundText? {
        guard form.value("MessageStatus") == nil, let sid = ProviderVerdict.token(form.value("MessageSid")),
            let from = form.value("From").flatMap({ PhoneNumber(bare($0)) }),
            let to = ProviderVerdict.token(form.value("To").map { bare($0) })
        else { return nil }
        let count = min(Int(form.value("NumMedia") ?? "") ?? 0, InboundText.mostMedia)
        var text = InboundText(
            channel: channel(form),
            to: to,
            from: from,
            text: InboundText.clipped(said(form)),
            media: (0..<max(count, 0)).compactMap { index in
                form.value("MediaUrl\(index)").flatMap { url in
                    url.utf8.count <= InboundText.longestURL
                        ? .init(url: url, type: form.value("MediaContentType\(index)")) : nil
                }
            },
            providerMessageID: sid,
            optOut: form.value("OptOutType").flatMap { InboundText.OptOut(rawValue: $0.uppercased()) }
        )
        text.payload = form.value("ButtonPayload") ?? form.value("ListId")
        // By WhatsApp it is said what somebody answers, or whose button they pressed.
        if let answered = ProviderVerdict.token(form.value("OriginalRepliedMessageSid")) { text.answers = [answered] }
        // Short codes and WhatsApp are left to the clinic's own words, and to us.
        let isOfTelephone = text.channel == .sms && PhoneNumber(to) != nil
        text.isConfirmed = isOfTelephone && text.isOne(of: confirmedWords)
        return text
    }

    /// What somebody wrote, or what stands on what they pressed.
    private static func said(_ form: FormBody.Pairs) -> String {
        let body = form.value("Body") ?? ""
        return body.isEmpty ? form.value("ButtonText") ?? form.value("ListTitle") ?? "" : body
    }

    /// The code of an earlier try stays where it was: it is read only with a status that says that it failed.
    private static func event(_ status: String, _ code: Int64?) -> DeliveryEvent? {
        switch status {
        case "accepted", "queued", "sending", "sent": .sent
        case "delivered": .delivered
        case "read": .opened
        case "undelivered", "failed": TwilioReply.event(code)
        default: nil
        }
    }

    private static func code(_ form: FormBody.Pairs) -> Int64? { form.value("ErrorCode").flatMap { Int64($0) } }

    private static func channel(_ form: FormBody.Pairs) -> MessageChannel {
        let isWhatsApp = ["From", "To"].contains { form.value($0)?.hasPrefix(TwilioMessages.whatsAppPrefix) == true }
        return isWhatsApp ? .whatsapp : .sms
    }

    private static func bare(_ number: String) -> String {
        let prefix = TwilioMessages.whatsAppPrefix
        return number.hasPrefix(prefix) ? String(number.dropFirst(prefix.count)) : number
    }
}

extension FormBody.Pairs {
    /// The first value of a name.
    fileprivate func value(_ name: String) -> String? { first { $0.name == name }?.value }
}
