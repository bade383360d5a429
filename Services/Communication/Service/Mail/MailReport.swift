import CommunicationAPI
import Core
import Outbound

/// What mail servers tell of a message by e-mail: that it did not arrive (RFC 3464), or that somebody complains (RFC 5965).
struct MailReport: Sendable, Equatable {
    /// What became of it, for one recipient.
    struct Outcome: Sendable, Equatable {
        /// As the server writes it; `nil` where a complaint leaves it out.
        var recipient: String?
        var event: DeliveryEvent
        /// The status (RFC 3463) that says why it did not arrive.
        var status: String?
    }

    /// Recipients of one report that are read; a message of ours has one.
    static let mostRecipients = 50
    /// Of what a server has said so much is read, in code points: replies are a few lines.
    static let longestDiagnostic = 2_000

    /// What the message is called that it is about: what stands before the `@` of its `Message-ID`.
    var names: [String]
    var outcomes: [Outcome]

    /// `nil` for an e-mail that is none.
    init?(_ mail: MailEntity) {
        guard mail.type.value == "multipart/report" else { return nil }
        let parts = mail.parts(most: InboundMail.mostParts)
        let returned = parts.lazy.compactMap { Self.returnedHeader($0) }.first
        if let status = parts.first(where: { Self.isStatus($0.type.value) }) {
            outcomes = Self.outcomes(status.content)
        } else if let feedback = parts.first(where: { $0.type.value == "message/feedback-report" }) {
            outcomes = Self.complaints(MailEntity(feedback.content[...]), returned)
        } else {
            return nil
        }
        // Where what was sent does not come back, the report itself is an answer to it.
        let answered = mail["in-reply-to"].map { MailNames.read($0) } ?? []
        let names = returned?["message-id"].map { MailNames.read($0) } ?? answered
        self.names = names.compactMap { MailNames.local($0) }
    }

    /// As reports of a provider, each the same whenever it is told again.
    var reports: [DeliveryReport] {
        guard let name = names.first else { return [] }
        // Sent again a message is called by its id and a number.
        let message = MessageID(String(name.prefix { $0 != "." }))
        return outcomes.map { outcome in
            DeliveryReport(
                id: InboundMail.digest(
                    Array("\(name)\n\(outcome.event.rawValue)\n\(outcome.recipient?.lowercased() ?? "")".utf8)
                ),
                message: message,
                providerMessageID: name,
                event: outcome.event,
                recipient: outcome.recipient,
                code: outcome.status
            )
        }
    }

    private static func isStatus(_ type: String) -> Bool {
        type == "message/delivery-status" || type == "message/global-delivery-status"
    }

    /// The header of the message that is sent back, whole or by itself.
    private static func returnedHeader(_ part: MailEntity) -> MailEntity? {
        switch part.type.value {
        case "message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global",
            "message/global-headers":
            MailEntity(part.content[...])
        default: nil
        }
    }

    /// Blocks of fields, the first about the message and each other one about a recipient.
    private static func outcomes(_ content: [UInt8]) -> [Outcome] {
        var rest = content[...]
        var outcomes: [Outcome] = []
        // Blocks that tell of nobody count too: each takes its time to read.
        var blocks = 0
        while !rest.isEmpty, outcomes.count < mostRecipients, blocks <= mostRecipients {
            blocks += 1
            let block = MailEntity(rest)
            // An empty line stands between blocks, or several do.
            guard block.body.startIndex > rest.startIndex else { break }
            rest = block.body
            let (action, status) = (block["action"], status(block["status"], said: block["diagnostic-code"]))
            guard let event = event(action: action, status: status, said: block["diagnostic-code"]) else { continue }
            // Whoever has mail sent on is known to us by the address that it was sent to.
            let named = [block["original-recipient"], block["final-recipient"]].compactMap { $0.flatMap(address) }
            let code = event.isFailure ? ProviderVerdict.token(status.map { String(Self.code($0)) }) : nil
            for recipient in Set(named).sorted() {
                // Whoever cannot read a name in quotes says nothing of whether anybody is there.
                let isUnread = status?.hasPrefix("5.1.3") == true && EmailAddress(recipient)?.isQuoted == true
                outcomes.append(Outcome(recipient: recipient, event: isUnread ? .rejected : event, status: code))
            }
        }
        return outcomes
    }

    /// Behind the kind of address, such as `rfc822;`.
    private static func address(_ value: String) -> String? {
        let parts = value.split(separator: ";", maxSplits: 1)
        let text = (parts.count == 2 ? parts[1] : value[...]).trimmingBlanks
        let bare = text.hasPrefix("<") && text.hasSuffix(">") ? text.dropFirst().dropLast() : text
        return bare.isEmpty ? nil : String(bare)
    }

    /// The status, or where it says no more than that it failed, what the other server's reply says.
    ///
    /// Exim tells of every failure with 5.0.0, and quotes the reply. With 5.1.0 some address is wrong: where the reply speaks
    /// of the sender's, it is 5.1.8.
    static func status(_ status: String?, said diagnostic: String?) -> String? {
        let code = Self.code(status ?? "")
        let said = clipped(diagnostic)
        if code == "5.1.0", MailServerWords(said).areAboutSender { return "5.1.8" }
        let parts = said.split(separator: ";", maxSplits: 1)
        guard ["", "5.0.0"].contains(code), parts.count == 2,
            parts[0].trimmingBlanks.uppercased() == "SMTP"
        else { return status }
        let words = MailServerWords(parts[1])
        if let found = SMTPReply.enhanced(parts[1]) {
            return found == "5.1.0" && words.areAboutSender ? "5.1.8" : found
        }
        return parts[1].trimmingBlanks.hasPrefix("550") && words.sayNobodyIsThere ? "5.1.1" : status
    }

    /// As much of what a server has said as is read; nothing where it is not told.
    private static func clipped(_ diagnostic: String?) -> String {
        String((diagnostic ?? "").unicodeScalars.prefix(longestDiagnostic))
    }

    /// The numbers of a status, which words may follow.
    private static func code(_ status: String) -> Substring { status.prefix { $0.isNumber || $0 == "." } }

    /// What an action and its status (RFC 3463) come to; `nil` for what is not the end.
    ///
    /// - Parameter diagnostic: what the other server has replied, if it is told.
    static func event(action: String?, status: String?, said diagnostic: String? = nil) -> DeliveryEvent? {
        let code = Self.code(status ?? "")
        switch (action ?? "")[...].trimmingBlanks.lowercased() {
        case "delivered": return .delivered
        case "failed": return failure(code, MailServerWords(clipped(diagnostic)))
        // Tried again, or handed on to where nobody tells.
        default: return nil
        }
    }

    /// What a bounce comes to that a provider calls one for good, by what the recipient's server has said.
    ///
    /// Providers call each refusal so; one that speaks of the sender or the text condemns no address.
    ///
    /// - Parameters:
    ///   - status: as the provider tells it, if it does.
    ///   - diagnostic: the server's reply, after `smtp;`.
    static func bounce(status: String?, said diagnostic: String?) -> DeliveryEvent {
        let said = clipped(diagnostic)
        let quoted = Self.status(nil, said: said)
        let codes = [Self.status(status, said: said), quoted].compactMap { $0 }.map { Self.code($0) }
        if codes.contains(where: isAboutUs) { return .rejected }
        let isOpen = codes.contains(takesNothing) && !MailServerWords(said).sayMailboxIsClosed
        return isOpen ? .softBounce : .hardBounce
    }

    /// A mailbox or a domain that is not there; what speaks of the sender, the text or the moment condemns no address.
    private static func failure(_ code: Substring, _ said: MailServerWords) -> DeliveryEvent {
        let dead: Set<Substring> = ["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"]
        if dead.contains(code) || code == takesNothing && said.sayMailboxIsClosed { return .hardBounce }
        return isAboutUs(code) ? .rejected : .softBounce
    }

    /// A mailbox that takes no messages, for good or for as long as it gets too many.
    private static let takesNothing: Substring = "5.2.1"

    /// Whether a status speaks of the sender, its reputation or the text.
    private static func isAboutUs(_ code: Substring) -> Bool {
        code.hasPrefix("5.7.") || code.hasPrefix("5.6.") || code == "5.1.7" || code == "5.1.8"
    }

    /// Complaints; whom they are from is often left out, and is whom the message went to.
    private static func complaints(_ report: MailEntity, _ returned: MailEntity?) -> [Outcome] {
        let complaints: Set<String> = ["abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"]
        let type = report["feedback-type"]?[...].trimmingBlanks.lowercased() ?? ""
        guard complaints.contains(type) else { return [] }
        let recipient = report["original-rcpt-to"].flatMap(address)
        let isAddress = recipient.flatMap { EmailAddress($0) } != nil
        let shown = returned?["to"].flatMap { MailAddress.first(of: $0)?.address.address }
        return [Outcome(recipient: isAddress ? recipient : shown, event: .complained)]
    }
}
