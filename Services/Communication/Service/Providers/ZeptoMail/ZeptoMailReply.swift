import CommunicationAPI
import Contracts
import Core
import Outbound

/// Reads ZeptoMail's answers by their sub-code, for the code around it is shared by unlike errors.
enum ZeptoMailReply {
    /// How long a provider that only says "too many" is left alone.
    static let throttlePause: Duration = .seconds(30)

    /// How the codes begin that sub-codes stand in.
    private static let codePrefix = "TM_"

    /// What stands for a code where there is none.
    private static let codelessPrefix = "HTTP_"

    /// Sub-code to outcome and our word for it.
    static let outcomes: [String: (outcome: AttemptOutcome, detail: String)] = [
        "GE_102": (.contentRejected, "A field the provider needs is empty."),
        "SM_101": (.contentRejected, "The provider could not read the request."),
        "SM_120": (.contentRejected, "An attachment is not of the type it claims."),
        "UE_106": (.contentRejected, "An attachment is not known to the provider."),
        "MTR_101": (.contentRejected, "The provider does not know the template."),
        "LE_101": (.quota, "The account's credits have expired."),
        "SM_133": (.quota, "The trial's limit is used up."),
        "SMI_115": (.quota, "The daily limit is used up."),
        "SERR_156": (.credentials, "The provider does not accept this address of ours."),
        "SERR_157": (.credentials, "The provider does not accept the token."),
        "AE_101": (.credentials, "The provider has blocked the account."),
        "SM_111": (.senderNotAuthorised, "The sender's domain is not verified with the provider."),
    ]

    static func verdict(_ response: OutboundResponse) -> ProviderVerdict {
        verdict(status: response.status, body: response.body, retryAfter: response.retryAfter())
    }

    static func verdict(status: Int, body: [UInt8], retryAfter: Duration?) -> ProviderVerdict {
        let answer = try? JSONTape(body).decode(JSONValue.self)
        if (200...299).contains(status) {
            guard case .object = answer else { return .unreadable(status) }
            return ProviderVerdict(.accepted, messageID: ProviderVerdict.token(answer?["request_id"]?.string))
        }
        return refusal(status, answer, retryAfter).believed(where: isTheirs(answer), status, body)
    }

    private static func refusal(_ status: Int, _ answer: JSONValue?, _ retryAfter: Duration?) -> ProviderVerdict {
        let code = ProviderVerdict.token(subCode(answer)) ?? "\(codelessPrefix)\(status)"
        if let known = outcomes[code] {
            return ProviderVerdict(known.outcome, code: code, detail: known.detail, retryAfter: retryAfter)
        }
        switch status {
        case 401, 403:
            return ProviderVerdict(.credentials, code: code, detail: "The provider does not accept the token.")
        case 429:
            return ProviderVerdict(
                .throttled,
                code: code,
                detail: "Too many requests for the provider.",
                retryAfter: retryAfter ?? throttlePause
            )
        case 400...499:
            return ProviderVerdict(.contentRejected, code: code, detail: "The provider refused the request.")
        case 502, 504:
            // Something between us and them gave up waiting: they may have taken it.
            return ProviderVerdict(.unknownOutcome, code: code, detail: "The provider's answer was lost on the way.")
        default:
            return ProviderVerdict(
                .transient,
                code: code,
                detail: "The provider answered with status \(status).",
                retryAfter: retryAfter
            )
        }
    }

    /// Whether it is ZeptoMail that refuses what a request says: whoever else stands at the address has no code of its.
    static func isAboutContent(_ verdict: ProviderVerdict) -> Bool {
        verdict.outcome == .contentRejected && verdict.code?.hasPrefix(codelessPrefix) == false
    }

    /// One of their sub-codes, or one that is new within a code of theirs.
    private static func isTheirs(_ answer: JSONValue?) -> Bool {
        answer?["error"]?["code"]?.string?.hasPrefix(codePrefix) == true
            || subCode(answer).flatMap { outcomes[$0] } != nil
    }

    /// `error.details[0].code`, else `error.code`; the list sometimes comes as the one object.
    private static func subCode(_ answer: JSONValue?) -> String? {
        guard let error = answer?["error"] else { return nil }
        let first: JSONValue? =
            if case .array(let details) = error["details"] { details.first } else { error["details"] }
        return first?["code"]?.string ?? error["code"]?.string
    }
}
