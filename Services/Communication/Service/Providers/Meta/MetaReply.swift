import CommunicationAPI
import Contracts
import Core
import Outbound

/// Reads Meta's answers by the error's code, which also its later webhooks carry; titles and statuses change.
enum MetaReply {
    typealias Meaning = (outcome: AttemptOutcome, detail: String)

    /// How long it is left alone when it does not say.
    static let throttlePause: Duration = .seconds(5)
    /// One recipient may be written to about every six seconds.
    static let pairPause: Duration = .seconds(6)
    /// Rates of the app and the account are counted by the hour.
    static let accountPause: Duration = .seconds(60)

    /// The code for too many messages to one recipient.
    static let pairCode = 131_056
    /// The code for a text after the conversation has ended.
    static let outsideWindowCode = 131_047
    private static let token: Meaning = (.credentials, "The provider does not accept the access token.")
    private static let permission: Meaning = (.credentials, "The access token lacks a permission.")
    private static let down: Meaning = (.transient, "The provider has a fault.")
    private static let unregistered: Meaning = (.senderNotAuthorised, "The number is not registered with the provider.")
    private static let parameter: Meaning = (.contentRejected, "The provider refused the request.")
    private static let template: Meaning = (.contentRejected, "The template is not approved in this language.")
    private static let parameters: Meaning = (.contentRejected, "The template takes other parameters.")

    /// Error codes to outcome and our sentence for it.
    static let meanings: [Int: Meaning] = [
        0: token, 190: token, 104: token, 131_005: permission, 10: permission, 3: permission,
        4: (.throttled, "Too many requests for the provider's app."),
        80_007: (.throttled, "Too many requests for the WhatsApp account."),
        130_429: (.throttled, "Too many messages from this number at once."),
        pairCode: (.throttled, "Too many messages to this recipient at once."),
        132_069: (.throttled, "The flow was used too often."),
        131_048: (.quota, "Too many people have blocked or reported the number."),
        131_064: (.quota, "The account is limited for templates of a wrong category."),
        133_016: (.quota, "The number was registered too often."),
        131_042: (.quota, "The account's payment is not in order."),
        131_057: (.transient, "The account is being worked on."), 1: down, 2: down, 131_000: down, 131_016: down,
        133_004: down,
        131_026: (.badRecipient, "The number cannot be reached by WhatsApp."),
        131_021: (.badRecipient, "Sender and recipient are the same number."),
        131_030: (.senderNotAuthorised, "The test number may not write to this recipient."), 131_045: unregistered,
        133_010: unregistered, 131_037: (.senderNotAuthorised, "The number's display name is not approved."),
        131_031: (.credentials, "The WhatsApp account is locked."),
        368: (.credentials, "The WhatsApp account is blocked for breaking a policy."),
        130_497: (.senderNotAuthorised, "The account may not write to this country."),
        131_063: (.senderNotAuthorised, "The account may not send marketing templates this way."),
        outsideWindowCode: (.contentRejected, "They have not written for a day: only an approved template may begin."),
        131_049: (.contentRejected, "WhatsApp holds it back: this person gets enough of its kind for now."),
        130_472: (.contentRejected, "WhatsApp holds it back: this person takes part in an experiment."),
        131_050: (.optedOut, "They have stopped marketing messages from this number."),
        131_051: (.contentRejected, "WhatsApp does not know this kind of message."),
        131_052: (.contentRejected, "The provider could not load the media."),
        131_053: (.contentRejected, "The provider refused the media."), 100: parameter, 131_008: parameter,
        131_009: parameter, 33: parameter,
        131_062: (.contentRejected, "This kind of message needs the recipient's number."), 132_000: parameters,
        132_001: template, 132_005: (.contentRejected, "The template is too long with these parameters."),
        132_007: (.contentRejected, "The template breaks a policy of WhatsApp."), 132_008: parameters,
        132_012: parameters, 132_015: (.contentRejected, "The template is paused for its poor quality."),
        132_016: (.contentRejected, "The template is disabled for its poor quality."), 135_000: parameter,
        132_068: (.contentRejected, "The flow is blocked."),
        137_000: (.contentRejected, "WhatsApp knows somebody else by this number now."),
    ]

    static func meaning(of code: Int) -> Meaning? {
        (200...299).contains(code) ? permission : meanings[code]
    }

    /// What a webhook of failure with this code says of a message that was taken.
    static func event(_ code: Int?) -> DeliveryEvent {
        if code == outsideWindowCode { return .outsideWindow }
        if code == pairCode { return .pairLimited }
        return switch code.flatMap({ meaning(of: $0) })?.outcome {
        case .badRecipient: .hardBounce
        // They have stopped one category, which says nothing of the others.
        case .optedOut: .marketingStopped
        case .contentRejected, .senderNotAuthorised, .credentials, .quota: .rejected
        default: .softBounce
        }
    }

    /// What it says of the account; `nil` for nothing.
    static func fault(_ code: Int?) -> AccountFault? { AccountFault(code.flatMap { meaning(of: $0) }?.outcome) }

    static func verdict(_ response: OutboundResponse) -> ProviderVerdict {
        let answer = try? JSONTape(response.body).decode(JSONValue.self)
        if (200...299).contains(response.status) {
            guard case .object = answer else { return .unreadable(response.status) }
            return ProviderVerdict(
                .accepted,
                messageID: ProviderVerdict.token(first(answer?["messages"])?["id"]?.string)
            )
        }
        let error = answer?["error"]
        let code = number(error?["code"])
        let known = refined(code, error) ?? code.flatMap { meaning(of: $0) } ?? byStatus(response.status, error)
        var verdict = ProviderVerdict(
            known.outcome,
            code: code.map(String.init) ?? "HTTP_\(response.status)",
            detail: known.detail,
            retryAfter: response.retryAfter()
        )
        if verdict.outcome == .throttled { verdict.retryAfter = verdict.retryAfter ?? pause(after: code) }
        verdict.isAboutRecipient = code == pairCode
        // The only messages that WhatsApp lets people stop by themselves are marketing.
        verdict.isAboutCategory = verdict.outcome == .optedOut
        return verdict.believed(where: isTheirs(error), response.status, response.body)
    }

    /// Meta's id of a file that was left with it; `nil` when it was not.
    static func mediaID(_ response: OutboundResponse) -> String? {
        guard (200...299).contains(response.status) else { return nil }
        let answer = try? JSONTape(response.body).decode(JSONValue.self)
        return ProviderVerdict.token(answer?["id"]?.string)
    }

    /// What a number says of itself: whether it may send, and how it is doing.
    static func health(_ response: OutboundResponse) -> ProviderVerdict {
        let verdict = verdict(response)
        guard verdict.outcome == .accepted,
            let answer = try? JSONTape(response.body).decode(JSONValue.self)
        else { return verdict }
        let words = [
            ("sending", answer["health_status"]?["can_send_message"]), ("quality", answer["quality_rating"]),
            ("throughput", answer["throughput"]?["level"]), ("limit", answer["messaging_limit_tier"]),
        ].compactMap { name, value in ProviderVerdict.token(value?.string).map { "\(name) \($0)" } }
        let isBlocked = answer["health_status"]?["can_send_message"]?.string == "BLOCKED"
        return ProviderVerdict(
            isBlocked ? .senderNotAuthorised : .accepted,
            code: isBlocked ? blockedBy(answer) : nil,
            detail: words.isEmpty ? nil : "The number's state: \(words.joined(separator: ", "))."
        )
    }

    /// The error that keeps a number from sending.
    private static func blockedBy(_ answer: JSONValue) -> String? {
        guard case .array(let entities) = answer["health_status"]?["entities"] else { return nil }
        let blocked = entities.first { $0["can_send_message"]?.string == "BLOCKED" }
        return number(first(blocked?["errors"])?["error_code"]).map(String.init)
    }

    /// An object that the token may not see is told by the general code for parameters.
    private static func refined(_ code: Int?, _ error: JSONValue?) -> Meaning? {
        guard code == 100, number(error?["error_subcode"]) == 33 else { return nil }
        return (.senderNotAuthorised, "The access token does not reach the number.")
    }

    /// Each of Meta's errors has a code, and what names its kind or leads to it in their logs.
    private static func isTheirs(_ error: JSONValue?) -> Bool {
        number(error?["code"]) != nil && (error?["type"]?.string ?? error?["fbtrace_id"]?.string) != nil
    }

    private static func byStatus(_ status: Int, _ error: JSONValue?) -> Meaning {
        if error?["is_transient"] == .bool(true) { return down }
        return switch status {
        case 401, 403: token
        case 429: (.throttled, "Too many requests for the provider.")
        case 400...499: parameter
        // Something between us and them gave up waiting: they may have taken it.
        case 502, 504: (.unknownOutcome, "The provider's answer was lost on the way.")
        default: (.transient, "The provider answered with status \(status).")
        }
    }

    private static func pause(after code: Int?) -> Duration {
        switch code {
        case pairCode: pairPause
        case 4, 80_007: accountPause
        default: throttlePause
        }
    }

    /// A code; Meta writes it as a number, others who pass it on as a text.
    static func number(_ value: JSONValue?) -> Int? {
        switch value {
        case .integer(let number): Int(exactly: number)
        case .string(let text): Int(text)
        default: nil
        }
    }

    private static func first(_ value: JSONValue?) -> JSONValue? {
        if case .array(let items) = value { items.first } else { nil }
    }
}
