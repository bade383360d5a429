import CommunicationAPI
import Core
import Outbound

/// What a mail server's reply means, by its code, its enhanced status and its words; the first row that fits decides.
enum SMTPClassification {
    struct Row: Sendable {
        let codes: ClosedRange<Int>
        /// Enhanced statuses, whole or beginnings that end with a dot; empty for any, also none.
        var enhanced: [String] = []
        /// Fits only a reply whose status says no more than that it failed, or that has none.
        var isBare = false
        /// Words of which the reply has one; empty for any.
        var words: [String] = []
        /// Words that the reply must not have.
        var unless: [String] = []
        /// What the server was last asked; `nil` for anything.
        var step: SMTPResult.Step?
        let outcome: AttemptOutcome
        let detail: String
        /// The address is as good as before when it has passed.
        var isTemporary = false

        func fits(_ result: SMTPResult, _ said: MailServerWords) -> Bool {
            codes.contains(result.replyCode) && (step == nil || step == result.step)
                && (enhanced.isEmpty || enhanced.contains { Self.fits($0, result.enhanced) })
                && (!isBare || result.enhanced == nil || result.enhanced == "5.0.0")
                && (words.isEmpty || said.containAny(of: words)) && !said.containAny(of: unless)
        }

        private static func fits(_ wanted: String, _ enhanced: String?) -> Bool {
            guard let enhanced else { return false }
            return wanted.hasSuffix(".") ? enhanced.hasPrefix(wanted) : enhanced == wanted
        }
    }

    /// How long a server is left alone that says that messages come too fast, but not for how long.
    static let throttlePause: Duration = .seconds(1)

    /// What servers say that cannot read what stands behind a command; after RCPT that is the address.
    private static let badSyntax = 501

    /// What servers say of a mailbox that cannot be used for now.
    private static let busyMailbox = 450...452
    /// What is wrong with the sender's address, for now.
    private static let sendersAddress: Set<String> = ["4.1.7", "4.1.8"]

    static let rows = limits + signingIn + letters + senders + recipients + texts + rest

    /// How many and how large messages may be; some say it with a code that means something else.
    private static let limits: [Row] = [
        Row(
            codes: 400...599,
            words: ["credits exceeded", "message quota exceeded", "sending quota", "sending limit"],
            outcome: .quota,
            detail: usedUp
        ),
        Row(codes: 500...599, enhanced: ["5.4.5"], outcome: .quota, detail: usedUp),
        Row(
            codes: 400...599,
            words: [
                "throttl", "rate limit", "sending rate", "rate exceeded", "too many connections", "connection limit",
                "too many messages",
            ],
            outcome: .throttled,
            detail: "Messages come faster than the mail server takes them."
        ),
        Row(codes: 400...499, enhanced: ["4.2.2"], outcome: .transient, detail: full),
        // Who was named, or handed the message, has no room for it; nobody empties a mailbox between two tries.
        Row(
            codes: 500...599,
            enhanced: ["5.2.2"],
            step: .recipient,
            outcome: .badRecipient,
            detail: full,
            isTemporary: true
        ),
        Row(
            codes: 500...599,
            enhanced: ["5.2.2"],
            step: .text,
            outcome: .badRecipient,
            detail: full,
            isTemporary: true
        ),
        Row(codes: 500...599, enhanced: ["5.2.2"], outcome: .transient, detail: full),
        Row(codes: 500...599, enhanced: tooLarge, outcome: .contentRejected, detail: "The message is too large."),
        Row(
            codes: 400...599,
            words: ["limit exceeded"],
            unless: ["size", "mailbox", "storage"],
            outcome: .quota,
            detail: usedUp
        ),
    ]

    private static let signingIn: [Row] = [
        Row(
            codes: 454...454,
            enhanced: ["4.7.0"],
            outcome: .transient,
            detail: "The mail server cannot sign us in for now."
        ),
        Row(codes: 530...538, outcome: .credentials, detail: "The mail server does not sign us in."),
        Row(
            codes: 500...599,
            enhanced: ["5.7.8", "5.7.9"],
            outcome: .credentials,
            detail: "The mail server does not sign us in."
        ),
    ]

    /// Servers that do not take an address with other letters than ASCII's, or know one on the way that does not (RFC 6531).
    private static let letters = [
        Row(
            codes: 500...599,
            enhanced: ["5.6.7", "5.6.8", "5.6.9", "5.6.10"],
            outcome: .senderNotAuthorised,
            detail: ProviderVerdict.asciiOnlyDetail
        )
    ]

    /// What is wrong with us: our name, our address, our reputation.
    private static let senders: [Row] = [
        Row(
            codes: 500...599,
            words: ["helo", "ehlo"],
            outcome: .senderNotAuthorised,
            detail: "Our name is not accepted."
        ),
        // A policy speaks of the sender or the text, never of the patient's address.
        Row(codes: 500...599, enhanced: ["5.7."], outcome: .senderNotAuthorised, detail: policy),
        Row(
            codes: 500...599,
            enhanced: ["5.1.7", "5.1.8", "5.2.252"],
            outcome: .senderNotAuthorised,
            detail: noSender
        ),
        Row(
            codes: 500...599,
            enhanced: ["5.1.0"],
            words: MailServerWords.sender,
            outcome: .senderNotAuthorised,
            detail: noSender
        ),
        Row(
            codes: 550...554,
            isBare: true,
            words: policyWords + MailServerWords.sender,
            unless: ["size", "too large"],
            outcome: .senderNotAuthorised,
            detail: policy
        ),
    ]

    /// Words of servers that refuse the sender or the text without a status that says so.
    private static let policyWords = [
        "spam", "block", "blacklist", "reputation", "policy", "spf", "dkim", "dmarc", "banned", "relay", "listed",
        "not verified",
    ]

    /// The recipient is blamed where the server was asked about the recipient, and says that nobody is there.
    private static let recipients: [Row] = [
        Row(
            codes: 550...553,
            enhanced: ["5.1.1"],
            step: .recipient,
            outcome: .badRecipient,
            detail: "There is no such mailbox."
        ),
        Row(
            codes: 550...553,
            enhanced: ["5.1.2"],
            step: .recipient,
            outcome: .badRecipient,
            detail: "There is no such domain."
        ),
        Row(
            codes: 550...553,
            enhanced: ["5.1.3"],
            step: .recipient,
            outcome: .badRecipient,
            detail: "The address is not valid there."
        ),
        Row(
            codes: 550...553,
            enhanced: ["5.1.6"],
            step: .recipient,
            outcome: .badRecipient,
            detail: "The mailbox has moved."
        ),
        Row(
            // 556 is the code that RFC 7505 gives it.
            codes: 550...556,
            enhanced: ["5.1.10"],
            step: .recipient,
            outcome: .badRecipient,
            detail: "The domain takes no mail."
        ),
        Row(
            codes: 550...554,
            enhanced: ["5.2.1"],
            words: MailServerWords.closed,
            unless: MailServerWords.sender,
            step: .recipient,
            outcome: .badRecipient,
            detail: "The mailbox is closed."
        ),
        Row(
            codes: 550...554,
            enhanced: ["5.2.1"],
            unless: MailServerWords.sender,
            step: .recipient,
            outcome: .badRecipient,
            detail: "The mailbox takes no messages for now.",
            isTemporary: true
        ),
        Row(
            codes: 550...550,
            isBare: true,
            words: MailServerWords.dead,
            step: .recipient,
            outcome: .badRecipient,
            detail: "There is no such mailbox."
        ),
    ]

    private static let texts: [Row] = [
        Row(
            codes: 500...599,
            enhanced: ["5.6."],
            outcome: .contentRejected,
            detail: "The mail server refused the message."
        ),
        Row(codes: 552...552, outcome: .contentRejected, detail: "The message is too large."),
    ]

    private static let rest: [Row] = [
        Row(
            codes: 553...553,
            outcome: .senderNotAuthorised,
            detail: "The mail server does not relay for us."
        ),
        Row(codes: 400...499, outcome: .transient, detail: "The mail server asks to try later."),
        Row(codes: 500...599, outcome: .contentRejected, detail: "The mail server refused the message."),
    ]

    private static let tooLarge = ["5.3.4", "5.2.3"]
    private static let full = "The mailbox is full."
    private static let usedUp = "The mail server's quota is used up."
    private static let policy = "The mail server's policy refuses it."
    private static let noSender = "The sender is not accepted."

    static func verdict(_ result: SMTPResult) -> ProviderVerdict {
        switch result.verdict {
        case .accepted: return ProviderVerdict(.accepted, code: String(result.replyCode))
        case .unknown:
            return ProviderVerdict(
                .unknownOutcome,
                host: .unreachable,
                code: "354",
                detail: "The connection was lost while the message was handed over."
            )
        case .needsSMTPUTF8: return .asciiOnly(host: .answered)
        case .notSent(let kind): return ProviderVerdict(failure: .notSent(kind))
        case .notAuthenticated where result.replyCode / 100 != 4:
            return ProviderVerdict(.credentials, code: code(result), detail: "The mail server does not sign us in.")
        case .notAuthenticated, .refused: return refused(result)
        }
    }

    private static func refused(_ result: SMTPResult) -> ProviderVerdict {
        let said = MailServerWords(result.line.unredacted)
        let row = rows.first { $0.fits(result, said) }.map { isTooEarly($0, result) ? unwelcome : $0 }
        var verdict = ProviderVerdict(row?.outcome ?? .transient, code: code(result), detail: row?.detail)
        verdict.isAboutSpelling =
            result.step == .recipient && (result.enhanced == "5.1.3" || result.replyCode == badSyntax)
        verdict.isTemporary = row?.isTemporary ?? false
        verdict.isAboutRecipient = isAboutRecipient(result, said)
        switch verdict.outcome {
        case .transient, .quota: verdict.retryAfter = said.pause
        case .throttled: verdict.retryAfter = said.pause ?? throttlePause
        default: break
        }
        return verdict
    }

    /// Whether a refusal for now is about the mailbox that was named (RFC 3463, 4.1 and 4.2), and no other would be refused.
    private static func isAboutRecipient(_ result: SMTPResult, _ said: MailServerWords) -> Bool {
        guard result.step == .recipient, busyMailbox.contains(result.replyCode), let enhanced = result.enhanced,
            enhanced.hasPrefix("4.1.") || enhanced.hasPrefix("4.2.")
        else { return false }
        // Some look at the sender only when they are asked about a recipient.
        return !sendersAddress.contains(enhanced) && !said.areAboutSender
    }

    /// What a refusal means that comes before the server knows for whom the message is.
    private static let unwelcome = Row(
        codes: 500...599,
        outcome: .senderNotAuthorised,
        detail: "The mail server takes no mail from us."
    )

    /// Whether a row blames a text of which the server had heard nothing but the size.
    private static func isTooEarly(_ row: Row, _ result: SMTPResult) -> Bool {
        result.step < .recipient && row.outcome == .contentRejected && result.replyCode != 552
            && row.enhanced != tooLarge
    }

    private static func code(_ result: SMTPResult) -> String {
        [String(result.replyCode), result.enhanced].compactMap { $0 }.joined(separator: "/")
    }
}
