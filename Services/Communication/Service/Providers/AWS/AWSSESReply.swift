import CommunicationAPI
import Contracts
import Core
import Outbound

/// Reads SES's answers by the error's name, and by its words where one name stands for several things.
enum AWSSESReply {
    /// How long SES is left alone when it says that messages come too fast.
    static let throttlePause: Duration = .seconds(1)

    /// Error names, without the `Exception` that some end with, to outcome and our word for it.
    static let outcomes: [String: (outcome: AttemptOutcome, detail: String)] = [
        "TooManyRequests": (.throttled, "Messages come faster than the account may send."),
        "Throttling": (.throttled, "Messages come faster than the account may send."),
        "LimitExceeded": (.quota, "A limit of the account is used up."),
        "AccountSuspended": (.quota, "The provider has suspended sending for the account."),
        "SendingPaused": (.quota, "Sending is paused for the account or the configuration set."),
        "MessageRejected": (.contentRejected, "The provider refused what the message says."),
        "MailFromDomainNotVerified": (.senderNotAuthorised, "The bounce domain is not verified with the provider."),
        "NotFound": (.contentRejected, "The provider does not know the configuration set."),
        "BadRequest": (.contentRejected, "The provider refused the request."),
        "AccessDenied": (.credentials, "The access key may not send."),
        "UnrecognizedClient": (.credentials, "The provider does not know the access key."),
        "InvalidClientTokenId": (.credentials, "The provider does not know the access key."),
        "InvalidAccessKeyId": (.credentials, "The provider does not know the access key."),
        "MissingAuthenticationToken": (.credentials, "The provider does not accept the access key."),
        "IncompleteSignature": (.credentials, "The provider does not accept the access key."),
        "SignatureDoesNotMatch": (.credentials, "The secret access key is not the access key's."),
        "InvalidSignature": (.credentials, "The secret access key is not the access key's."),
        "ExpiredToken": (.credentials, "The access key has expired."),
        "OptInRequired": (.credentials, "The account has not subscribed to the service."),
        "RequestExpired": (.transient, clock), "RequestTimeTooSkewed": (.transient, clock),
        "RequestInTheFuture": (.transient, clock),
        "InternalServiceError": (.transient, "The provider has a fault."),
        "InternalFailure": (.transient, "The provider has a fault."),
        "ServiceUnavailable": (.transient, "The provider is not available."),
    ]

    /// Words that tell apart what one name stands for; the first that is found decides.
    static let words: [(words: String, outcome: AttemptOutcome, detail: String)] = [
        ("daily message quota exceeded", .quota, "The account's quota for 24 hours is used up."),
        ("maximum sending rate exceeded", .throttled, "Messages come faster than the account may send."),
        (
            "not verified", .senderNotAuthorised,
            "The sender is not verified, or the account may not send to others yet."
        ),
        ("signature expired", .transient, clock), ("signature not yet current", .transient, clock),
    ]

    /// How complaints about the name before an `@` begin.
    private static let spelling = "local address "
    private static let clock = "The provider finds that this machine's clock is wrong."

    static func verdict(_ response: OutboundResponse) -> ProviderVerdict {
        let answer = try? JSONTape(response.body).decode(JSONValue.self)
        if (200...299).contains(response.status) {
            guard case .object = answer else { return .unreadable(response.status) }
            return ProviderVerdict(.accepted, messageID: ProviderVerdict.token(answer?["MessageId"]?.string))
        }
        let name = errorName(response, answer)
        let code = name ?? "HTTP_\(response.status)"
        let said = (answer?["message"] ?? answer?["Message"])?.string?.lowercased() ?? ""
        let known =
            words.first { said.contains($0.words) }.map { ($0.outcome, $0.detail) }
            ?? name.flatMap { outcomes[$0.hasSuffix("Exception") ? String($0.dropLast(9)) : $0] }
            ?? byStatus(response.status)
        var verdict = ProviderVerdict(known.0, code: code, detail: known.1, retryAfter: response.retryAfter())
        verdict.isAboutSpelling = said.contains(spelling)
        if verdict.outcome == .throttled { verdict.retryAfter = verdict.retryAfter ?? throttlePause }
        // Whoever looks at signatures before SES does may say so as other services of AWS do.
        let isTheirs = ownName(response, answer) != nil || AWSQueryXML.isRefusal(response.body)
        return verdict.believed(where: isTheirs, response.status, response.body)
    }

    /// What the account's own description says about sending.
    static func health(_ response: OutboundResponse) -> ProviderVerdict {
        let verdict = verdict(response)
        // A key that may only send is refused here by somebody who knows it.
        if verdict.code?.hasPrefix("AccessDenied") == true { return ProviderVerdict(.accepted) }
        guard verdict.outcome == .accepted, let account = try? JSONTape(response.body).decode(JSONValue.self) else {
            return verdict
        }
        if account["SendingEnabled"] == .bool(false) || account["EnforcementStatus"]?.string == "SHUTDOWN" {
            return ProviderVerdict(.quota, code: "SendingPaused", detail: outcomes["SendingPaused"]?.detail)
        }
        if let most = number(account["SendQuota"]?["Max24HourSend"]), most >= 0,
            let sent = number(account["SendQuota"]?["SentLast24Hours"]), sent >= most
        {
            return ProviderVerdict(.quota, code: "Max24HourSend", detail: words.first?.detail)
        }
        return ProviderVerdict(.accepted)
    }

    private static func errorName(_ response: OutboundResponse, _ answer: JSONValue?) -> String? {
        ownName(response, answer) ?? bare(answer?["code"]?.string)
    }

    /// From the header, else the body, in the places where nobody but AWS writes one.
    private static func ownName(_ response: OutboundResponse, _ answer: JSONValue?) -> String? {
        bare(response.header("x-amzn-errortype") ?? answer?["__type"]?.string)
    }

    /// What stands around the name is cut off.
    private static func bare(_ text: String?) -> String? {
        let name = text?.split(separator: "#").last?.split(separator: ":").first.map(String.init)
        return ProviderVerdict.token(name)
    }

    private static func byStatus(_ status: Int) -> (outcome: AttemptOutcome, detail: String) {
        switch status {
        case 401, 403: (.credentials, "The provider does not accept the access key.")
        case 429: (.throttled, "Too many requests for the provider.")
        case 400...499: (.contentRejected, "The provider refused the request.")
        // Something between us and them gave up waiting: they may have taken it.
        case 502, 504: (.unknownOutcome, "The provider's answer was lost on the way.")
        default: (.transient, "The provider answered with status \(status).")
        }
    }

    private static func number(_ value: JSONValue?) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
