import CommunicationAPI
import Contracts
import Core
import Outbound

/// Reads SNS's answers by the error's name, and by its words where one name stands for several things.
enum AWSSNSReply {
    /// How long SNS is left alone when it says that messages come too fast.
    static let throttlePause: Duration = .seconds(1)
    /// SNS sends to an app's endpoint no more, until its owner enables it.
    static let endpointDisabled = "EndpointDisabled"

    private typealias Meaning = (outcome: AttemptOutcome, detail: String)

    private static let denied: Meaning = (.credentials, "The access key may not publish.")
    private static let unknownKey: Meaning = (.credentials, "The provider does not know the access key.")
    private static let wrongSecret: Meaning = (.credentials, "The secret access key is not the access key's.")
    private static let clock: Meaning = (.transient, "The provider finds that this machine's clock is wrong.")
    private static let fault: Meaning = (.transient, "The provider has a fault.")
    private static let tooFast: Meaning = (.throttled, "Messages come faster than the account may send.")
    private static let gone: Meaning = (.badRecipient, "The app's endpoint is disabled or does not exist any more.")
    private static let noApplication: Meaning = (.credentials, "The platform application is disabled or unknown.")

    /// Error names, without the `Exception` that some end with, to outcome and our word for it.
    private static let outcomes: [String: Meaning] = [
        "InvalidParameter": (.contentRejected, "The provider refused the request."),
        "InvalidParameterValue": (.contentRejected, "The provider refused the request."),
        "ParameterValueInvalid": (.contentRejected, "The provider refused the request."),
        "Validation": (.contentRejected, "The provider refused the request."),
        "OptedOut": (.optedOut, "The recipient has told this sender to stop."), endpointDisabled: gone,
        "PlatformApplicationDisabled": noApplication,
        "NotFound": (.contentRejected, "The provider does not know whom the message is for."),
        "AuthorizationError": denied, "AccessDenied": denied,
        "InvalidClientTokenId": unknownKey, "UnrecognizedClient": unknownKey, "InvalidAccessKeyId": unknownKey,
        "MissingAuthenticationToken": unknownKey, "IncompleteSignature": unknownKey,
        "SignatureDoesNotMatch": wrongSecret, "InvalidSignature": wrongSecret, "InvalidSecurity": wrongSecret,
        "ExpiredToken": (.credentials, "The access key has expired."),
        "OptInRequired": (.credentials, "The account has not subscribed to the service."),
        "KMSAccessDenied": denied, "KMSDisabled": denied, "KMSInvalidState": denied, "KMSNotFound": denied,
        "KMSOptInRequired": denied, "KMSThrottling": tooFast,
        "Throttled": tooFast, "Throttling": tooFast,
        "RequestExpired": clock, "RequestTimeTooSkewed": clock, "RequestInTheFuture": clock,
        "InternalError": fault, "InternalFailure": fault,
        "ServiceUnavailable": (.transient, "The provider is not available."),
    ]

    /// Words that tell apart what one name stands for; the first that is found decides.
    private static let words: [(words: String, meaning: Meaning)] = [
        ("signature expired", clock), ("signature not yet current", clock),
        ("phonenumber reason", (.badRecipient, "The number is not valid.")),
        ("endpoint does not exist", gone), ("no endpoint found", gone),
        ("platformapplication does not exist", noApplication),
        ("token reason", (.badRecipient, "The provider does not take the device's token.")),
        ("quota", (.quota, "A limit of the account is used up.")),
        ("spend limit", (.quota, "What the account may spend in a month is used up.")),
    ]

    /// What became of a text, or of a notification to an app.
    static func published(_ response: OutboundResponse) -> ProviderVerdict {
        var verdict = verdict(response, id: "MessageId")
        verdict.messageID = ProviderVerdict.token(verdict.messageID)
        return verdict
    }

    /// A device's endpoint as the message's id; one that is there with other data is named in the refusal's words.
    static func endpointVerdict(_ response: OutboundResponse) -> ProviderVerdict {
        let found = verdict(response, id: "EndpointArn")
        if found.outcome == .accepted { return found }
        let said = AWSQueryXML.element("Message", in: response.body) ?? ""
        guard said.contains("already exists"),
            let arn = said.split(separator: " ").first(where: { $0.hasPrefix("arn:") && $0.contains(":endpoint/") })
        else { return found }
        return ProviderVerdict(.accepted, messageID: String(arn))
    }

    /// Whether something was changed, which SNS confirms without a word.
    static func changed(_ response: OutboundResponse) -> ProviderVerdict { verdict(response, id: "RequestId") }

    /// What the account's settings say about texts.
    static func textHealth(_ response: OutboundResponse) -> ProviderVerdict {
        let verdict = health(response)
        // The limit itself: what of it is spent SNS does not tell.
        guard verdict.outcome == .accepted, AWSQueryXML.entry("MonthlySpendLimit", in: response.body) == "0" else {
            return verdict
        }
        return ProviderVerdict(
            .quota,
            code: "MonthlySpendLimit",
            detail: "The account may spend nothing on texts."
        )
    }

    /// What the platform application says of itself.
    static func applicationHealth(_ response: OutboundResponse) -> ProviderVerdict {
        let verdict = health(response)
        guard verdict.outcome == .accepted, AWSQueryXML.entry("Enabled", in: response.body) == "false" else {
            return verdict
        }
        return ProviderVerdict(.credentials, code: "PlatformApplicationDisabled", detail: noApplication.detail)
    }

    /// A key that may only publish is refused here by somebody who knows it.
    private static func health(_ response: OutboundResponse) -> ProviderVerdict {
        let verdict = verdict(response, id: "RequestId")
        if verdict.code == "AuthorizationError" || verdict.code == "AccessDenied" { return ProviderVerdict(.accepted) }
        return verdict.outcome == .accepted ? ProviderVerdict(.accepted) : verdict
    }

    /// The id as it stands in the answer, whatever it is.
    private static func verdict(_ response: OutboundResponse, id: String) -> ProviderVerdict {
        if (200...299).contains(response.status) {
            guard let value = AWSQueryXML.element(id, in: response.body) else { return .unreadable(response.status) }
            return ProviderVerdict(.accepted, messageID: value)
        }
        let name = ProviderVerdict.token(AWSQueryXML.element("Code", in: response.body))
        let said = AWSQueryXML.element("Message", in: response.body)?.lowercased() ?? ""
        let bare = name.map { $0.hasSuffix("Exception") ? String($0.dropLast(9)) : $0 }
        let known =
            words.first { said.contains($0.words) }?.meaning ?? bare.flatMap { outcomes[$0] }
            ?? byStatus(response.status)
        var verdict = ProviderVerdict(
            known.outcome,
            code: bare ?? "HTTP_\(response.status)",
            detail: known.detail,
            retryAfter: response.retryAfter()
        )
        if verdict.outcome == .throttled { verdict.retryAfter = verdict.retryAfter ?? throttlePause }
        return verdict.believed(where: AWSQueryXML.isRefusal(response.body), response.status, response.body)
    }

    private static func byStatus(_ status: Int) -> Meaning {
        switch status {
        case 401, 403: (.credentials, "The provider does not accept the access key.")
        case 429: tooFast
        case 400...499: (.contentRejected, "The provider refused the request.")
        // Something between us and them gave up waiting: they may have taken it.
        case 502, 504: (.unknownOutcome, "The provider's answer was lost on the way.")
        default: (.transient, "The provider answered with status \(status).")
        }
    }
}
