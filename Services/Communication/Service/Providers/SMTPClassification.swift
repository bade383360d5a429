import CommunicationAPI
import Core
import Outbound

/// What a mail server's reply means, by its code and its enhanced status; the first row that fits decides.
enum SMTPClassification {
    struct Row: Sendable {
        let codes: ClosedRange<Int>
        /// A beginning of the enhanced status; empty for any, also none.
        let enhanced: String
        let outcome: AttemptOutcome
        let detail: String
    }

    static let rows: [Row] = [
        Row(
            codes: 454...454,
            enhanced: "4.7.0",
            outcome: .transient,
            detail: "The mail server cannot sign us in for now."
        ),
        Row(codes: 530...538, enhanced: "", outcome: .credentials, detail: "The mail server does not sign us in."),
        Row(codes: 500...599, enhanced: "5.7.8", outcome: .credentials, detail: "The mail server does not sign us in."),
        Row(codes: 500...599, enhanced: "5.7.9", outcome: .credentials, detail: "The mail server does not sign us in."),
        Row(codes: 550...553, enhanced: "5.1.1", outcome: .badRecipient, detail: "There is no such mailbox."),
        Row(codes: 550...553, enhanced: "5.1.2", outcome: .badRecipient, detail: "There is no such domain."),
        Row(codes: 550...553, enhanced: "5.1.3", outcome: .badRecipient, detail: "The address is not valid there."),
        Row(codes: 550...553, enhanced: "5.1.6", outcome: .badRecipient, detail: "The mailbox has moved."),
        Row(codes: 550...553, enhanced: "5.1.10", outcome: .badRecipient, detail: "The domain takes no mail."),
        Row(codes: 550...554, enhanced: "5.2.2", outcome: .transient, detail: "The mailbox is full."),
        Row(codes: 552...552, enhanced: "5.3.4", outcome: .contentRejected, detail: "The message is too large."),
        Row(codes: 552...552, enhanced: "5.2.3", outcome: .contentRejected, detail: "The message is too large."),
        // A policy speaks of the sender or the text, never of the patient's address.
        Row(
            codes: 500...599,
            enhanced: "5.7.",
            outcome: .senderNotAuthorised,
            detail: "The mail server's policy refuses it."
        ),
        Row(codes: 553...554, enhanced: "5.1.8", outcome: .senderNotAuthorised, detail: "The sender is not accepted."),
        Row(codes: 551...551, enhanced: "", outcome: .badRecipient, detail: "The mailbox is elsewhere."),
        Row(
            codes: 553...553,
            enhanced: "",
            outcome: .senderNotAuthorised,
            detail: "The mail server does not relay for us."
        ),
        Row(codes: 550...550, enhanced: "", outcome: .badRecipient, detail: "The mailbox is not available."),
        Row(codes: 552...552, enhanced: "", outcome: .contentRejected, detail: "The message is too large."),
        Row(codes: 421...452, enhanced: "", outcome: .transient, detail: "The mail server asks to try later."),
        Row(codes: 400...499, enhanced: "", outcome: .transient, detail: "The mail server asks to try later."),
        Row(codes: 500...599, enhanced: "", outcome: .contentRejected, detail: "The mail server refused the message."),
    ]

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
        case .notSent(let kind): return ProviderVerdict(failure: .notSent(kind))
        case .notAuthenticated where result.replyCode / 100 != 4:
            return ProviderVerdict(.credentials, code: code(result), detail: "The mail server does not sign us in.")
        case .notAuthenticated, .refused: return refused(result)
        }
    }

    /// Words of servers that refuse the sender or the text with a bare 550, which else means that nobody is there.
    private static let policyWords = [
        "spam", "block", "blacklist", "reputation", "policy", "spf", "dkim", "dmarc", "banned", "relay", "listed",
    ]

    private static func refused(_ result: SMTPResult) -> ProviderVerdict {
        let said = result.line.unredacted.lowercased()
        // Some say so with a code that means "later"; the words give it away.
        if said.contains("credits exceeded") {
            return ProviderVerdict(.quota, code: code(result), detail: "The mail server's quota is used up.")
        }
        if result.replyCode == 550, result.enhanced == nil, policyWords.contains(where: said.contains) {
            return ProviderVerdict(
                .senderNotAuthorised,
                code: code(result),
                detail: "The mail server's policy refuses it."
            )
        }
        let fitting = rows.first { row in
            row.codes.contains(result.replyCode) && (row.enhanced.isEmpty || fits(row.enhanced, result.enhanced))
        }
        let row = fitting.map { isTooEarly($0, result) ? unwelcome : $0 }
        return ProviderVerdict(row?.outcome ?? .transient, code: code(result), detail: row?.detail)
    }

    /// What a refusal means that comes before the server knows for whom the message is.
    private static let unwelcome = Row(
        codes: 500...599,
        enhanced: "",
        outcome: .senderNotAuthorised,
        detail: "The mail server takes no mail from us."
    )

    /// Whether a row blames a recipient or a text of which the server had heard nothing but the size.
    private static func isTooEarly(_ row: Row, _ result: SMTPResult) -> Bool {
        result.step < .recipient && result.replyCode != 552 && [.badRecipient, .contentRejected].contains(row.outcome)
    }

    private static func fits(_ wanted: String, _ enhanced: String?) -> Bool {
        guard let enhanced else { return false }
        return wanted.hasSuffix(".") ? enhanced.hasPrefix(wanted) : enhanced == wanted
    }

    private static func code(_ result: SMTPResult) -> String {
        [String(result.replyCode), result.enhanced].compactMap { $0 }.joined(separator: "/")
    }
}
