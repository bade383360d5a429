import CommunicationAPI
import Contracts
import Outbound

extension ProviderVerdict {
    /// A success that is not in the provider's words: something else answers in its place, or the answer was damaged on its way.
    static func unreadable(_ status: Int) -> ProviderVerdict {
        ProviderVerdict(.unknownOutcome, code: "HTTP_\(status)", detail: "The answer is none of the provider's.")
    }

    /// The verdict, unless it refuses our credentials in words that are not the provider's.
    ///
    /// A proxy, a CDN or a sign-in page refuses whoever comes for a while, and knows nothing of our credentials: an account that
    /// is shut for its word stays so until somebody resets it. The message came no further, so that it can be tried again. A 401
    /// without a page is believed: whoever asks for credentials by it asks for those of the call.
    func believed(where isTheirs: Bool, _ status: Int, _ body: [UInt8]) -> ProviderVerdict {
        guard outcome == .credentials, !isTheirs, status != 401 || Self.isPage(body) else { return self }
        return ProviderVerdict(
            .transient,
            host: host,
            code: "HTTP_\(status)",
            detail: "The call was refused on its way to the provider.",
            retryAfter: retryAfter
        )
    }

    /// Whether a body is neither empty nor JSON.
    private static func isPage(_ body: [UInt8]) -> Bool {
        guard !body.isEmpty else { return false }
        guard case .object = try? JSONTape(body).decode(JSONValue.self) else { return true }
        return false
    }

    /// What a call without an answer means: not sent can be tried elsewhere, lost cannot.
    init(failure: OutboundFailure) {
        switch failure {
        case .notSent(.policy):
            self.init(
                .credentials,
                host: .untried,
                code: failure.code,
                detail: "The operator's outbound policy does not allow this host."
            )
        case .notSent(let kind):
            let words: [OutboundFailure.NotSent: String] = [
                .dns: "The provider's host name is unknown.", .connect: "The provider cannot be reached.",
                .tls: "No trusted connection to the provider.", .cancelled: "The call was given up before it was made.",
                .busy: "There was no room for another call in time.", .deadline: "The provider did not answer in time.",
            ]
            let host: Host = kind == .cancelled || kind == .busy ? .untried : .unreachable
            self.init(.transient, host: host, code: failure.code, detail: words[kind])
            isOurOwn = kind == .cancelled || kind == .busy
        case .lost(let kind):
            let host: Host =
                switch kind {
                case .deadline, .closed: .unreachable
                case .tooLarge: .answered
                case .cancelled: .untried
                }
            self.init(
                .unknownOutcome,
                host: host,
                code: failure.code,
                detail: "The request was sent and no reply came."
            )
            isOurOwn = kind == .cancelled
        }
    }
}
