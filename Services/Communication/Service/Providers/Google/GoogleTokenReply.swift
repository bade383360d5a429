import CommunicationAPI
import Contracts
import Core
import Outbound

/// What came of exchanging a signature for a token.
///
/// Nothing was sent to anybody yet: no failure of it is an unknown outcome.
struct GoogleTokenReply: Sendable {
    /// A signature that does not fit a key any more, or cannot be made.
    static let unusableKey = GoogleTokenReply(
        ProviderVerdict(.credentials, host: .untried, code: "private_key", detail: "The account's key cannot sign.")
    )

    /// Errors as OAuth names them (RFC 6749, 5.2 and 4.1.2.1), and Google's own for a client that is no more.
    private static let refusals: Set<String> = [
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "access_denied", "deleted_client", "disabled_client",
    ]

    let token: Secret?
    /// When the token is to be renewed.
    let until: Instant
    /// What the message is left with where there is no token.
    let verdict: ProviderVerdict

    private init(_ verdict: ProviderVerdict, token: Secret? = nil, until: Instant = Instant(seconds: 0)) {
        self.token = token
        self.until = until
        self.verdict = verdict
    }

    init(failure: OutboundFailure) {
        var verdict = ProviderVerdict(failure: failure)
        if verdict.outcome == .unknownOutcome { verdict.outcome = .transient }
        // The host that did not answer is not the one that messages are sent to.
        verdict.host = .untried
        verdict.detail = "No access token: \(verdict.detail ?? "the account's token service did not answer.")"
        self.init(verdict)
    }

    init(_ response: OutboundResponse, at now: Instant) {
        let answer = try? JSONTape(response.body).decode(JSONValue.self)
        guard (200...299).contains(response.status), let text = answer?["access_token"]?.string, Self.isToken(text)
        else {
            self.init(Self.refusal(response, answer))
            return
        }
        var time = GoogleAccessTokens.usualTime
        if case .integer(let seconds) = answer?["expires_in"], (1...86_400).contains(seconds) {
            time = .seconds(seconds)
        }
        let until = now + max(time - GoogleAccessTokens.margin, time / 2)
        self.init(ProviderVerdict(.accepted), token: Secret(text), until: until)
    }

    private static func refusal(_ response: OutboundResponse, _ answer: JSONValue?) -> ProviderVerdict {
        let name = ProviderVerdict.token(answer?["error"]?.string)
        let said = answer?["error_description"]?.string?.lowercased() ?? ""
        let known: (outcome: AttemptOutcome, code: String?, detail: String)
        switch (response.status, name) {
        // Every account is refused so while a clock is wrong: none of their keys is at fault.
        case (_, "invalid_grant") where said.contains("iat and exp") || said.contains("timeframe"):
            known = (.transient, "clock", "No access token: the clocks of this server and the provider differ.")
        case (429, _): known = (.throttled, name, "Too many requests for access tokens.")
        case (500..., _), (200..<300, _): known = (.transient, name, "No access token: the provider has a fault.")
        default: known = (.credentials, name, "The provider gives the service account no access token.")
        }
        let verdict = ProviderVerdict(
            known.outcome,
            host: .untried,
            code: known.code ?? "HTTP_\(response.status)",
            detail: known.detail,
            retryAfter: response.retryAfter()
        )
        let isDescribed = name != nil && answer?["error_description"]?.string != nil
        return verdict.believed(
            where: isDescribed || name.map(refusals.contains) ?? false,
            response.status,
            response.body
        )
    }

    private static func isToken(_ text: String) -> Bool {
        (1...8_192).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
