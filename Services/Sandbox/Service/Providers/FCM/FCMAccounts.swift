import Contracts
import Core
import Crypto
import CryptoExtras
import Synchronization

/// The service accounts that Google's exchange of tokens knows: one of its own, and those it is told of.
final class FCMAccounts: Sendable {
    /// How long a token holds.
    static let tokenTime: Duration = .seconds(3_599)
    /// How far the clock of whoever signs may be from ours.
    static let clockSkew: Duration = .seconds(300)
    /// Times that a claim can have, in seconds; further ones cannot be counted with.
    private static let times: ClosedRange<Int64> = 0...253_402_300_799
    /// Each of them is enough to send.
    static let scopes: Set<Substring> = [
        "https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform",
    ]
    /// Where Google's own exchange is: what claims are made for, wherever they are sent.
    static let audience = "https://oauth2.googleapis.com/token"
    static let project = "polyclinic-sandbox"
    static let email = "sender@polyclinic-sandbox.iam.gserviceaccount.com"

    /// An account whose signatures are taken.
    struct Account: Sendable {
        let project: String
        let email: String
        let key: _RSA.Signing.PublicKey
    }

    private struct State {
        var accounts: [Account]
        var own: _RSA.Signing.PrivateKey?
        var tokens: [String: (project: String, until: Instant)] = [:]
        var issued = 0
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Instant

    init(_ accounts: [Account] = [], now: @escaping @Sendable () -> Instant = { .now() }) {
        state = Mutex(State(accounts: accounts))
        self.now = now
    }

    /// The JSON key of the account of its own, made when it is first asked for.
    func key(tokenURI: String) -> JSONValue? {
        let pem = state.withLock { state -> String? in
            if let own = state.own { return own.pemRepresentation }
            guard let own = try? _RSA.Signing.PrivateKey(keySize: .bits2048) else { return nil }
            state.own = own
            state.accounts.append(Account(project: Self.project, email: Self.email, key: own.publicKey))
            return own.pemRepresentation
        }
        guard let pem else { return nil }
        return [
            "type": "service_account", "project_id": .string(Self.project), "private_key_id": "sandbox-key-1",
            "private_key": .string(pem), "client_email": .string(Self.email), "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": .string(tokenURI),
            "universe_domain": "googleapis.com",
        ]
    }

    /// The project that a token speaks for; `nil` for one that is unknown or past its time.
    func project(of token: String, at now: Instant) -> String? {
        state.withLock { state in state.tokens[token].flatMap { $0.until > now ? $0.project : nil } }
    }

    /// How many tokens it gave.
    var issued: Int { state.withLock { $0.issued } }

    /// Forgets every token, as when a key is disabled.
    func revokeTokens() { state.withLock { $0.tokens = [:] } }

    /// Exchanges a signed claim for a token (RFC 7523).
    func exchange(_ request: SandboxRequest) -> SandboxReply {
        let pairs = (FormBody.parse(request.body) ?? []).map { ($0.name, $0.value) }
        let form = Dictionary(pairs) { first, _ in first }
        guard form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer" else {
            return Self.refusal("unsupported_grant_type", "Invalid grant_type: \(form["grant_type"] ?? "")")
        }
        guard let assertion = form["assertion"], let (claims, account) = read(assertion) else {
            return Self.refusal("invalid_grant", "Invalid JWT Signature.")
        }
        guard case .integer(let issued) = claims["iat"], case .integer(let expires) = claims["exp"],
            Self.times.contains(issued), Self.times.contains(expires), expires - issued <= 3_600,
            abs(now().seconds - issued) <= Self.clockSkew.components.seconds
                || (issued <= now().seconds && now().seconds < expires)
        else {
            let text =
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat "
                + "and exp values in the JWT claim."
            return Self.refusal("invalid_grant", text)
        }
        guard let audience = claims["aud"]?.string, audience == Self.audience || audience.hasSuffix("/fcm/token") else {
            return Self.refusal("invalid_grant", "Invalid JWT: The audience must be \(Self.audience).")
        }
        guard claims["scope"]?.string?.split(separator: " ").contains(where: Self.scopes.contains) == true else {
            return Self.refusal("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        }
        let token = "ya29.c.\(RandomText.make(120))"
        let until = now() + Self.tokenTime
        state.withLock { state in
            state.tokens[token] = (account.project, until)
            state.issued += 1
        }
        return .json(
            200,
            [
                "access_token": .string(token), "expires_in": .integer(Self.tokenTime.components.seconds),
                "token_type": "Bearer",
            ]
        )
    }

    /// A claim that one of the accounts has signed.
    private func read(_ assertion: String) -> (claims: JSONValue, account: Account)? {
        let parts = assertion.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.json(parts[0]), header["alg"]?.string == "RS256",
            let claims = Self.json(parts[1]), let signature = Base64URL.decode(parts[2])
        else { return nil }
        let digest = SHA256.hash(data: Array("\(parts[0]).\(parts[1])".utf8))
        let accounts = state.withLock { $0.accounts }
        let account = accounts.first { account in
            account.email == claims["iss"]?.string
                && account.key.isValidSignature(
                    .init(rawRepresentation: signature),
                    for: digest,
                    padding: .insecurePKCS1v1_5
                )
        }
        return account.map { (claims, $0) }
    }

    private static func json(_ part: Substring) -> JSONValue? {
        Base64URL.decode(part).flatMap { try? JSONTape($0).decode(JSONValue.self) }
    }

    private static func refusal(_ error: String, _ description: String) -> SandboxReply {
        .json(400, ["error": .string(error), "error_description": .string(description)])
    }
}
