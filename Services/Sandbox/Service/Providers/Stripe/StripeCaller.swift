import Core

/// Who calls: an account by its secret key, or a payer's page by a publishable one.
struct StripeCaller: Sendable {
    /// The same for an account's secret, restricted and publishable key would be the account; here each key is one.
    let account: String
    let isSecret: Bool
    let version: String

    init(_ request: SandboxRequest) throws(StripeError) {
        guard let key = Self.key(request.headers["authorization"]), !key.isEmpty else { throw .noKey }
        let prefixes = ["sk_test_", "rk_test_", "pk_test_"]
        guard let prefix = prefixes.first(where: { key.hasPrefix($0) }), key.utf8.count > prefix.utf8.count,
            SandboxCredential.isAccepted(key)
        else { throw .wrongKey(key) }
        account = key
        isSecret = prefix != "pk_test_"
        version = request.headers["stripe-version"] ?? Stripe.versionDefault
        guard Self.isVersion(version) else {
            throw StripeError(400, "Invalid Stripe API version: \(version)")
        }
    }

    /// `Bearer sk_…`, or Basic with the key as the user's name.
    private static func key(_ header: String?) -> String? {
        let parts = (header ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        switch parts[0].lowercased() {
        case "bearer": return String(parts[1])
        case "basic":
            guard let bytes = Base64Text.decode(parts[1]) else { return nil }
            return String(decoding: bytes.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        default: return nil
        }
    }

    /// `2026-07-29`, or with a release's name behind it.
    private static func isVersion(_ text: String) -> Bool {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        return CalendarDate(parts[0]) != nil && parts.dropFirst().allSatisfy { !$0.isEmpty }
    }

    func requireSecretKey() throws(StripeError) {
        guard isSecret else {
            throw StripeError(
                401,
                """
                This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of \
                your API keys at https://dashboard.stripe.com/account/apikeys.
                """,
                code: "secret_key_required"
            )
        }
    }

    /// An account's own intent; with a publishable key, one whose client secret is given.
    func find(_ id: String, _ form: inout StripeForm, in ledger: StripeLedger) throws(StripeError) -> StripeIntent {
        let secret = form.take("client_secret")
        guard let intent = ledger.find(id), isSecret ? intent.account == account : true else {
            throw .noSuch("payment_intent", id)
        }
        if !isSecret, secret == nil { throw .missing("client_secret") }
        if let secret, secret != intent.secret { throw .noSuch("payment_intent", id) }
        return intent
    }

    /// Of the body for a POST, of the query for others.
    func parameters(_ request: SandboxRequest) throws(StripeError) -> [(name: String, value: String)] {
        guard request.method == "POST" else { return request.query.map { (name: $0.0, value: $0.1) } }
        let type = request.headers["content-type"] ?? ""
        guard request.body.isEmpty || type.hasPrefix("application/x-www-form-urlencoded"),
            let pairs = FormBody.parse(request.body)
        else {
            throw StripeError(
                400,
                """
                Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any \
                questions, we can help at https://support.stripe.com/.
                """
            )
        }
        return pairs
    }
}

/// What Stripe refuses of amounts and metadata.
enum StripeRules {
    /// The least amounts of the commonest currencies, in minor units (docs.stripe.com/currencies).
    private static let least: [String: (amount: Int64, shown: String)] = [
        "usd": (50, "$0.50 usd"), "eur": (50, "€0.50 eur"), "gbp": (30, "£0.30 gbp"), "inr": (50, "₹0.50 inr"),
        "chf": (50, "CHF0.50 chf"), "cad": (50, "$0.50 cad"), "aud": (50, "$0.50 aud"), "jpy": (50, "¥50 jpy"),
    ]
    /// Eight digits.
    private static let most: Int64 = 99_999_999

    static func check(_ amount: Int64, _ currency: String) throws(StripeError) {
        guard amount >= 1 else {
            throw StripeError(
                400,
                "This value must be greater than or equal to 1.",
                code: "parameter_invalid_integer",
                parameter: "amount"
            )
        }
        guard Currency(currency.uppercased()) != nil else {
            throw StripeError(
                400,
                "Invalid currency: \(currency). Stripe currently supports these currencies: usd, eur, gbp, inr, …",
                parameter: "currency"
            )
        }
        if let least = least[currency.lowercased()], amount < least.amount {
            throw StripeError(
                400,
                "Amount must be at least \(least.shown)",
                code: "amount_too_small",
                parameter: "amount"
            )
        }
        guard amount <= most else {
            throw StripeError(400, "Amount must be no more than \(most)", code: "amount_too_large", parameter: "amount")
        }
    }

    static func check(_ metadata: [String: String]) throws(StripeError) {
        guard metadata.count <= 50 else {
            throw StripeError(400, "Metadata can have at most 50 keys", parameter: "metadata")
        }
        for (key, value) in metadata where key.utf8.count > 40 || value.count > 500 {
            throw StripeError(
                400,
                key.utf8.count > 40
                    ? "Metadata keys must be under 40 characters" : "Metadata values must be under 500 characters",
                parameter: "metadata[\(key)]"
            )
        }
    }
}
