import CommunicationAPI
import Contracts
import Core
import Outbound

/// Reads Resend's answers by the error's name, for quotas share their status with rates and bad keys with bad senders.
enum ResendReply {
    /// How long it is left alone when it does not say.
    static let throttlePause: Duration = .seconds(1)

    /// What a key answers that was used for another text: asking again would tell nothing more.
    static let otherText = "invalid_idempotent_request"

    /// Error names to outcome and our word for it.
    static let outcomes: [String: (outcome: AttemptOutcome, detail: String)] = [
        "invalid_idempotency_key": (.contentRejected, "The provider refused the request."),
        "validation_error": (.contentRejected, "The provider refused the request."),
        "missing_required_field": (.contentRejected, "A field the provider needs is empty."),
        "invalid_parameter": (.contentRejected, "The provider refused the request."),
        "invalid_attachment": (.contentRejected, "The provider refused an attachment."),
        "invalid_from_address": (.senderNotAuthorised, "The sender is not accepted."),
        "invalid_region": (.senderNotAuthorised, "The sender's region is not known to the provider."),
        "missing_api_key": (.credentials, "The provider does not accept the API key."),
        "restricted_api_key": (.credentials, "The API key may not send."),
        "invalid_api_key": (.credentials, "The provider does not accept the API key."),
        "not_found": (.contentRejected, "The provider does not know the request."),
        "method_not_allowed": (.contentRejected, "The provider does not know the request."),
        // The key is our message's: something was taken under it before, and was another text.
        otherText: (.unknownOutcome, "The provider has had this message before, with another text."),
        "concurrent_idempotent_requests": (.throttled, "The provider is still at work on this message."),
        "rate_limit_exceeded": (.throttled, "Too many requests for the provider."),
        "daily_quota_exceeded": (.quota, "The daily quota is used up."),
        "monthly_quota_exceeded": (.quota, "The monthly quota is used up."),
        "security_error": (.contentRejected, "The provider's safety check refused the message."),
        "application_error": (.transient, "The provider has a fault."),
        "internal_server_error": (.transient, "The provider has a fault."),
    ]

    static func verdict(_ response: OutboundResponse) -> ProviderVerdict {
        let answer = try? JSONTape(response.body).decode(JSONValue.self)
        if (200...299).contains(response.status) {
            guard case .object = answer else { return .unreadable(response.status) }
            return ProviderVerdict(.accepted, messageID: ProviderVerdict.token(answer?["id"]?.string))
        }
        let name = ProviderVerdict.token(answer?["name"]?.string)
        let said = answer?["message"]?.string?.lowercased() ?? ""
        let known = refined(response.status, name, said) ?? name.flatMap { outcomes[$0] } ?? byStatus(response.status)
        var verdict = ProviderVerdict(
            known.outcome,
            code: name ?? "HTTP_\(response.status)",
            detail: known.detail,
            retryAfter: response.retryAfter()
        )
        verdict.isAboutSpelling = verdict.outcome == .badRecipient
        if verdict.outcome == .throttled {
            let reset = response.header("ratelimit-reset").flatMap { Int($0) }.map { Duration.seconds(min($0, 60)) }
            verdict.retryAfter = verdict.retryAfter ?? reset.map { max($0, throttlePause) } ?? throttlePause
            verdict.isAboutRecipient = name == "concurrent_idempotent_requests"
        }
        return verdict.believed(where: isTheirs(name, answer), response.status, response.body)
    }

    /// Whether the key is a good one; one that may only send is refused here by somebody who knows it.
    static func health(_ response: OutboundResponse) -> ProviderVerdict {
        let verdict = verdict(response)
        return verdict.code == "restricted_api_key" ? ProviderVerdict(.accepted) : verdict
    }

    /// One of their names, or one that is new and stands beside the status, as all of theirs do.
    private static func isTheirs(_ name: String?, _ answer: JSONValue?) -> Bool {
        guard let name else { return false }
        if case .integer = answer?["statusCode"] { return true }
        return outcomes[name] != nil
    }

    /// `validation_error` says what it means only with its status and its words.
    private static func refined(
        _ status: Int,
        _ name: String?,
        _ said: String
    ) -> (outcome: AttemptOutcome, detail: String)? {
        guard name == "validation_error" || name == "invalid_parameter" else { return nil }
        switch status {
        case 401: return outcomes["invalid_api_key"]
        case 403 where said.contains("api key"): return outcomes["invalid_api_key"]
        case 403: return (.senderNotAuthorised, "The sender's domain is not verified with the provider.")
        case 400, 422:
            if said.contains("`to`") { return (.badRecipient, "The address is not valid there.") }
            return said.contains("`from`") ? outcomes["invalid_from_address"] : nil
        default: return nil
        }
    }

    private static func byStatus(_ status: Int) -> (outcome: AttemptOutcome, detail: String) {
        switch status {
        case 401, 403: (.credentials, "The provider does not accept the API key.")
        case 429: (.throttled, "Too many requests for the provider.")
        case 400...499: (.contentRejected, "The provider refused the request.")
        // Something between us and them gave up waiting: they may have taken it.
        case 502, 504: (.unknownOutcome, "The provider's answer was lost on the way.")
        default: (.transient, "The provider answered with status \(status).")
        }
    }
}
