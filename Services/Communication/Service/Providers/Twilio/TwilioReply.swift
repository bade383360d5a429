import CommunicationAPI
import Contracts
import Core
import Outbound

/// Reads Twilio's answers by the number of the error, which callbacks carry as well.
enum TwilioReply {
    /// How long Twilio is left alone when it says that too many requests are under way.
    static let throttlePause: Duration = .seconds(1)

    /// Error numbers to outcome and our word for it.
    static let outcomes: [Int64: (outcome: AttemptOutcome, detail: String)] = {
        let groups: [(AttemptOutcome, [Int64], String)] = [
            (.credentials, [20_003], "The provider does not accept the account's token."),
            (.credentials, [20_005, 30_002], "The account is suspended or not active."),
            (.credentials, [20_404], "The provider does not know the account."),
            (.credentials, [30_029], "The account has no message redaction: discardContent needs it."),
            (.credentials, [63_001], "The channel does not accept the account."),
            (.throttled, [20_429], "Too many requests for the provider."),
            (.throttled, [21_611, 30_001], "The sender's queue at the provider is full."),
            (.badRecipient, [21_211, 21_214, 21_217], "The number is not valid."),
            (.badRecipient, [21_614, 21_635, 30_006], "The number takes no text messages."),
            (.badRecipient, [21_268], "Messages to this kind of number are not sent."),
            (.badRecipient, [30_005], "Nobody has the number any more."),
            (.badRecipient, [63_003, 63_024], "The number is not on the channel."),
            (.optedOut, [21_610], "The recipient has told this sender to stop."),
            (.senderNotAuthorised, [21_408], "Sending to this country is not enabled for the account."),
            (
                .senderNotAuthorised, [21_212, 21_606, 21_612, 21_659, 21_660, 21_661, 63_007],
                "The sender is not the account's, or cannot send there."
            ),
            (.senderNotAuthorised, [21_701, 21_703, 21_705], "The messaging service is not there, or has no sender."),
            (.senderNotAuthorised, [21_608], "A trial account sends to verified numbers only."),
            (.senderNotAuthorised, [30_024, 30_034], "The sender is not registered with the carriers."),
            (.contentRejected, [21_617], "The text is too long."),
            (.contentRejected, [30_007], "The carrier refused what the message says."),
            (.contentRejected, [63_005, 63_013, 63_021, 63_022], "The channel refused what the message says."),
            (
                .contentRejected, [outsideWindowCode],
                "The conversation's 24 hours are over: only an approved template may be sent."
            ),
            (.contentRejected, [63_019], "The provider could not fetch the file."),
            (
                .contentRejected, [63_027, 63_028, 63_029],
                "The approved template is missing, or other parameters stand in its places."
            ),
            (
                .contentRejected, [63_032, 63_049],
                "The channel does not deliver this message to the recipient for now."
            ),
            (.quota, [tooExpensiveCode], "The message costs more than the account allows."),
            (.quota, [63_038], "The account's messages of the day are used up."),
            (.quota, [63_018, 63_020], "The account's limit on the channel is used up."),
            (.transient, [30_003], "The device could not be reached."),
            (.transient, [30_004], "The message was blocked on its way."),
            (.transient, [30_008, 30_500, 63_012], "The provider has a fault."),
        ]
        let numbered = groups.flatMap { outcome, codes, detail in codes.map { ($0, (outcome: outcome, detail: detail)) }
        }
        return Dictionary(uniqueKeysWithValues: numbered)
    }()

    /// Numbers of errors have five digits; whoever stands between us and Twilio repeats the status, if anything.
    private static let numbers: ClosedRange<Int64> = 10_000...99_999

    /// The code for a text after the conversation has ended.
    static let outsideWindowCode: Int64 = 63_016
    /// The price of a message is more than the account has set.
    private static let tooExpensiveCode: Int64 = 30_010

    static func verdict(_ response: OutboundResponse) -> ProviderVerdict {
        let answer = try? JSONTape(response.body).decode(JSONValue.self)
        if (200...299).contains(response.status) {
            guard case .object = answer else { return .unreadable(response.status) }
            return taken(answer)
        }
        let number: Int64? = if case .integer(let code) = answer?["code"] { code } else { nil }
        let known = number.flatMap { outcomes[$0] } ?? byStatus(response.status)
        var verdict = ProviderVerdict(
            known.outcome,
            code: number.map(String.init) ?? "HTTP_\(response.status)",
            detail: known.detail,
            retryAfter: response.retryAfter()
        )
        if verdict.outcome == .throttled { verdict.retryAfter = verdict.retryAfter ?? throttlePause }
        return verdict.believed(where: number.map(numbers.contains) ?? false, response.status, response.body)
    }

    /// Whether the account may send.
    static func health(_ response: OutboundResponse) -> ProviderVerdict {
        let verdict = verdict(response)
        guard verdict.outcome == .accepted, let account = try? JSONTape(response.body).decode(JSONValue.self) else {
            return verdict
        }
        switch account["status"]?.string {
        case "suspended", "closed":
            return ProviderVerdict(.credentials, code: account["status"]?.string, detail: outcomes[20_005]?.detail)
        default: return ProviderVerdict(.accepted)
        }
    }

    /// What an error that a callback tells of means for the recipient.
    static func event(_ code: Int64?) -> DeliveryEvent {
        if code == outsideWindowCode { return .outsideWindow }
        return switch code.flatMap({ outcomes[$0] })?.outcome {
        case .badRecipient: .hardBounce
        case .optedOut: .optedOut
        case .contentRejected, .senderNotAuthorised, .credentials, .quota: .rejected
        default: .softBounce
        }
    }

    /// What an error that a callback tells of says of the account; `nil` for nothing.
    static func fault(_ code: Int64?) -> AccountFault? {
        // To other countries it costs less.
        code == tooExpensiveCode ? nil : AccountFault(code.flatMap { outcomes[$0] }?.outcome)
    }

    /// Some messages are refused in the very answer that takes them.
    private static func taken(_ answer: JSONValue?) -> ProviderVerdict {
        let id = ProviderVerdict.token(answer?["sid"]?.string)
        guard ["failed", "undelivered"].contains(answer?["status"]?.string),
            case .integer(let code) = answer?["error_code"],
            let known = outcomes[code]
        else { return ProviderVerdict(.accepted, messageID: id) }
        return ProviderVerdict(known.outcome, messageID: id, code: "\(code)", detail: known.detail)
    }

    private static func byStatus(_ status: Int) -> (outcome: AttemptOutcome, detail: String) {
        switch status {
        case 401, 403: (.credentials, "The provider does not accept the account's token.")
        case 404: (.credentials, "The provider does not know the account.")
        case 429: (.throttled, "Too many requests for the provider.")
        case 400...499: (.contentRejected, "The provider refused the request.")
        case 300...399: (.transient, "The provider answered with status \(status).")
        case 503: (.transient, "The provider is not available.")
        // Nothing says that it was not taken before the fault, and nothing would keep it from being taken again.
        default: (.unknownOutcome, "The provider answered with status \(status); it may have taken the message.")
        }
    }
}
