import CommunicationAPI
import Contracts
import Core
import Outbound

/// Reads FCM's answers by the `errorCode` in their details, which says more than the status and may contradict it.
enum FCMReply {
    typealias Meaning = (outcome: AttemptOutcome, detail: String)

    /// How long it is left alone when it does not say: quotas are counted by the minute.
    static let throttlePause: Duration = .seconds(60)
    /// Our access token is not accepted any more.
    static let unauthenticated = "UNAUTHENTICATED"
    private static let notFound = "NOT_FOUND"
    /// A message that is not worth a call.
    static let unwritable = ProviderVerdict(
        .contentRejected,
        host: .untried,
        code: "encoding",
        detail: "The message cannot be written as JSON."
    )

    /// Error codes of FCM's own to outcome and our sentence for it.
    static let meanings: [String: Meaning] = [
        "UNREGISTERED": (.badRecipient, "The app is not installed there any more."),
        "SENDER_ID_MISMATCH": (.badRecipient, "The app belongs to another project."),
        "INVALID_ARGUMENT": (.contentRejected, "The provider refused the request."),
        "QUOTA_EXCEEDED": (.throttled, "Too many messages for the project or the device."),
        "UNAVAILABLE": (.transient, "The provider is not available."),
        "INTERNAL": (.transient, "The provider has a fault."),
        "THIRD_PARTY_AUTH_ERROR": (
            .senderNotAuthorised, "The project lacks the key of Apple's or the browser's push service."
        ),
    ]

    /// Statuses, where there is no error code.
    static let statuses: [String: Meaning] = [
        unauthenticated: (.credentials, "The provider does not accept the access token."),
        "PERMISSION_DENIED": (.credentials, "The service account may not send, or the project has not enabled FCM."),
        // Of the device or of the project: neither is given up for it.
        notFound: (.contentRejected, "The provider knows no such device, or no such project."),
        "INVALID_ARGUMENT": (.contentRejected, "The provider refused the request."),
        "RESOURCE_EXHAUSTED": (.throttled, "Too many requests for the project."),
        "UNAVAILABLE": (.transient, "The provider is not available."),
        "INTERNAL": (.transient, "The provider has a fault."),
    ]

    /// What a check is answered with, which asks about no device: what is not known then is the project.
    static func health(_ response: OutboundResponse) -> ProviderVerdict {
        let verdict = verdict(response)
        guard verdict.code == notFound else { return verdict }
        return ProviderVerdict(.credentials, code: notFound, detail: "The provider does not know the project.")
    }

    static func verdict(_ response: OutboundResponse) -> ProviderVerdict {
        let answer = try? JSONTape(response.body).decode(JSONValue.self)
        if (200...299).contains(response.status) {
            guard case .object = answer else { return .unreadable(response.status) }
            // projects/<project>/messages/<id>: the project is the clinic's business.
            let id = answer?["name"]?.string?.split(separator: "/").last.map(String.init)
            return ProviderVerdict(.accepted, messageID: ProviderVerdict.token(id))
        }
        let error = answer?["error"]
        let own = errorCode(error)
        let status = ProviderVerdict.token(error?["status"]?.string)
        let known =
            refined(own, error) ?? own.flatMap { meanings[$0] } ?? status.flatMap { statuses[$0] }
            ?? byStatus(response.status)
        var verdict = ProviderVerdict(
            known.outcome,
            code: own ?? status ?? "HTTP_\(response.status)",
            detail: known.detail,
            retryAfter: response.retryAfter()
        )
        if verdict.outcome == .throttled { verdict.retryAfter = verdict.retryAfter ?? throttlePause }
        // It does not say whether the project sends too much or one device gets too much.
        verdict.isAboutRecipient = own == "QUOTA_EXCEEDED"
        return verdict.believed(
            where: own != nil || status.map { statuses[$0] != nil } ?? false,
            response.status,
            response.body
        )
    }

    /// An invalid argument is the token only where FCM says so: else every token of the clinic would be given up for one bad text.
    private static func refined(_ code: String?, _ error: JSONValue?) -> Meaning? {
        guard code == "INVALID_ARGUMENT" else { return nil }
        let fields = details(error, "BadRequest").flatMap { list($0["fieldViolations"]) }.compactMap {
            $0["field"]?.string
        }
        let said = error?["message"]?.string?.lowercased() ?? ""
        guard said.contains("registration token"), fields.allSatisfy({ $0 == "message.token" }) else { return nil }
        return (.badRecipient, "The token names no app.")
    }

    private static func errorCode(_ error: JSONValue?) -> String? {
        details(error, "FcmError").lazy.compactMap { ProviderVerdict.token($0["errorCode"]?.string) }.first
    }

    private static func details(_ error: JSONValue?, _ type: String) -> [JSONValue] {
        list(error?["details"]).filter { $0["@type"]?.string?.hasSuffix(".\(type)") == true }
    }

    private static func list(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let items) = value { items } else { [] }
    }

    private static func byStatus(_ status: Int) -> Meaning {
        switch status {
        case 401, 403: (.credentials, "The provider does not accept the access token.")
        case 429: (.throttled, "Too many requests for the provider.")
        case 400...499: (.contentRejected, "The provider refused the request.")
        // Something between us and them gave up waiting: they may have taken it.
        case 502, 504: (.unknownOutcome, "The provider's answer was lost on the way.")
        default: (.transient, "The provider answered with status \(status).")
        }
    }
}
