import CommunicationAPI
import Contracts
import Core
import Outbound

/// Reads SendGrid's answers: its errors have no codes, only a status, a field and words.
enum SendGridReply {
    /// How long it is left alone when it does not say when its window ends.
    static let throttlePause: Duration = .seconds(60)
    /// A window's end further away is not believed.
    static let longestPause: Duration = .seconds(3_600)

    /// An error's place: what the field begins with, what the message says; the first row that fits decides.
    struct Row: Sendable {
        let statuses: ClosedRange<Int>
        var field = ""
        var words = ""
        let outcome: AttemptOutcome
        let detail: String
    }

    static let rows: [Row] = [
        Row(
            statuses: 401...403,
            words: "maximum credits exceeded",
            outcome: .quota,
            detail: "The account's credits are used up."
        ),
        Row(statuses: 401...401, outcome: .credentials, detail: "The provider does not accept the API key."),
        Row(statuses: 403...403, field: "from", outcome: .senderNotAuthorised, detail: unverified),
        Row(statuses: 403...403, words: "verified sender", outcome: .senderNotAuthorised, detail: unverified),
        Row(
            statuses: 403...403,
            words: "blocked",
            outcome: .throttled,
            detail: "The provider has shut us out for a while."
        ),
        Row(
            statuses: 403...403,
            words: "too many",
            outcome: .throttled,
            detail: "The provider has shut us out for a while."
        ),
        Row(statuses: 403...403, outcome: .credentials, detail: "The API key may not send."),
        Row(
            statuses: 400...400,
            field: "personalizations.",
            words: "valid address",
            outcome: .badRecipient,
            detail: "The address is not valid there."
        ),
        Row(statuses: 400...400, field: "from", outcome: .senderNotAuthorised, detail: "The sender is not accepted."),
        Row(statuses: 413...413, outcome: .contentRejected, detail: "The message is too large."),
        Row(statuses: 429...429, outcome: .throttled, detail: "Too many requests for the provider."),
        Row(statuses: 400...499, outcome: .contentRejected, detail: "The provider refused the request."),
        // It may have taken the message before its fault.
        Row(
            statuses: 500...500,
            outcome: .unknownOutcome,
            detail: "The provider had a fault with the message in hand."
        ),
        // Something between us and them gave up waiting: they may have taken it.
        Row(statuses: 502...502, outcome: .unknownOutcome, detail: "The provider's answer was lost on the way."),
        Row(statuses: 504...504, outcome: .unknownOutcome, detail: "The provider's answer was lost on the way."),
    ]

    private static let unverified = "The sender is not verified with the provider."

    static func verdict(_ response: OutboundResponse, at now: Instant) -> ProviderVerdict {
        if (200...299).contains(response.status) {
            // A message is taken without a word.
            guard response.body.isEmpty || isObject(response.body) else { return .unreadable(response.status) }
            return ProviderVerdict(.accepted, messageID: ProviderVerdict.token(response.header("x-message-id")))
        }
        let error = firstError(response.body)
        let field = error?["field"]?.string ?? ""
        let said = error?["message"]?.string?.lowercased() ?? ""
        let row = rows.first { row in
            row.statuses.contains(response.status) && field.hasPrefix(row.field)
                && (row.words.isEmpty || said.contains(row.words))
        }
        var verdict = ProviderVerdict(
            row?.outcome ?? .transient,
            code: ProviderVerdict.token(field).map { "\(response.status)/\($0)" } ?? "HTTP_\(response.status)",
            detail: row?.detail ?? "The provider answered with status \(response.status).",
            retryAfter: response.retryAfter()
        )
        verdict.isAboutSpelling = verdict.outcome == .badRecipient
        if verdict.outcome == .throttled {
            verdict.retryAfter = verdict.retryAfter ?? windowEnd(response, at: now) ?? throttlePause
        }
        return verdict.believed(where: isTheirs(error), response.status, response.body)
    }

    /// Whether the key may send.
    static func health(_ response: OutboundResponse, at now: Instant) -> ProviderVerdict {
        guard (200...299).contains(response.status) else {
            let verdict = verdict(response, at: now)
            guard response.status == 403 else { return verdict }
            return ProviderVerdict(.credentials, code: verdict.code, detail: "The API key may not send.")
                .believed(where: isTheirs(firstError(response.body)), response.status, response.body)
        }
        let answer = try? JSONTape(response.body).decode(JSONValue.self)
        guard case .array(let scopes) = answer?["scopes"], scopes.contains("mail.send") else {
            return ProviderVerdict(.credentials, code: "scopes", detail: "The API key may not send.")
        }
        return ProviderVerdict(.accepted)
    }

    private static func isObject(_ body: [UInt8]) -> Bool {
        if case .object = try? JSONTape(body).decode(JSONValue.self) { true } else { false }
    }

    /// Their errors have words and no codes, which others' have.
    private static func isTheirs(_ error: JSONValue?) -> Bool {
        error?["message"]?.string != nil && error?["code"] == nil
    }

    private static func firstError(_ body: [UInt8]) -> JSONValue? {
        guard case .array(let errors) = (try? JSONTape(body).decode(JSONValue.self))?["errors"] else { return nil }
        return errors.first
    }

    /// `X-RateLimit-Reset`: when the window ends, in seconds since 1970.
    private static func windowEnd(_ response: OutboundResponse, at now: Instant) -> Duration? {
        guard let end = response.header("x-ratelimit-reset").flatMap({ Int64($0) }), (0..<1 << 40).contains(end) else {
            return nil
        }
        return min(max(Instant(seconds: end) - now, .seconds(1)), longestPause)
    }
}
