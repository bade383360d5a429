import Contracts
import Core
import Crypto

/// Stripe's PaymentIntents, balance and webhooks (docs.stripe.com/api), and a payer who pays or fails by hand.
struct Stripe: SandboxProvider {
    static let versionDefault = "2026-07-29.dahlia"
    static let secretDefault = "whsec_sandbox"

    let name = "stripe"
    let ledger = StripeLedger()
    let webhooks: WebhookSender?

    init(publicURL: String?) {
        webhooks = WebhookSender(
            secretDefault: Self.secretDefault,
            path: "/api/v1/webhooks/billing/stripe",
            publicURL: publicURL,
            sign: Self.sign
        )
    }

    /// `t` and `v1`: HMAC-SHA256 over time, dot and body, with the whole secret as the key.
    static func sign(_ secret: String, _ body: [UInt8], _ at: Instant) -> [(String, String)] {
        let message = Array("\(at.seconds).".utf8) + body
        let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: Array(secret.utf8)))
        return [("Stripe-Signature", "t=\(at.seconds),v1=\(Array(code).hex)")]
    }

    func failure(_ status: Int) -> SandboxReply {
        var error = StripeError(
            status,
            "An unknown error occurred. Please contact us at https://support.stripe.com.",
            type: "api_error"
        )
        if status == 429 {
            error = StripeError(
                429,
                "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
                code: "rate_limit"
            )
        }
        var reply = error.reply
        reply.headers.append(("Request-Id", Self.requestID()))
        if status == 429 { reply.headers.append(("Retry-After", "1")) }
        return reply
    }

    private static func requestID() -> String { "req_\(RandomText.make(14))" }

    // MARK: - Calls

    func answer(_ request: SandboxRequest, path: String) async -> SandboxReply {
        let requestID = Self.requestID()
        var reply: SandboxReply
        do {
            let caller = try StripeCaller(request)
            reply = try replay(request, path, caller, requestID) { () throws(StripeError) -> SandboxReply in
                try handle(request, path, caller, requestID)
            }
            reply.headers.append(("Stripe-Version", caller.version))
        } catch {
            reply = error.reply
        }
        reply.headers.append(("Request-Id", requestID))
        return reply
    }

    /// Runs a POST under its idempotency key, or gives what it gave before.
    private func replay(
        _ request: SandboxRequest,
        _ path: String,
        _ caller: StripeCaller,
        _ requestID: String,
        _ body: () throws(StripeError) -> SandboxReply
    ) throws(StripeError) -> SandboxReply {
        guard request.method == "POST", let key = request.headers["idempotency-key"] else { return try body() }
        guard (1...255).contains(key.utf8.count) else {
            throw StripeError(400, "Idempotency keys must be at most 255 characters.", type: "idempotency_error")
        }
        let fingerprint = StripeLedger.fingerprint(request, path: path)
        let extra = [("Idempotency-Key", key)]
        switch ledger.begin(key, account: caller.account, fingerprint: fingerprint) {
        case .refuse(let error): throw error
        case .replay(var reply, let original):
            reply.headers += extra + [("Idempotent-Replayed", "true"), ("Original-Request", original)]
            return reply
        case .goOn: break
        }
        var kept: SandboxReply?
        defer {
            ledger.end(key, account: caller.account, fingerprint: fingerprint, reply: kept, request: requestID)
        }
        do throws(StripeError) {
            var reply = try body()
            kept = reply
            reply.headers += extra + [("Original-Request", requestID)]
            return reply
        } catch {
            if error.isKept { kept = error.reply }
            throw error
        }
    }

    private func handle(
        _ request: SandboxRequest,
        _ path: String,
        _ caller: StripeCaller,
        _ requestID: String
    ) throws(StripeError) -> SandboxReply {
        let parts = path.split(separator: "/").map(String.init)
        var form = StripeForm(try caller.parameters(request))
        form.ignore("expand")
        let key = request.headers["idempotency-key"]
        switch (request.method, parts.count, parts.dropFirst().first) {
        case ("GET", 2, "balance"):
            try caller.requireSecretKey()
            return .json(200, ["object": "balance", "available": [], "livemode": false, "pending": []])
        case ("POST", 2, "payment_intents"): return try create(&form, caller, requestID, key)
        case ("GET", 2, "payment_intents"): return try list(&form, caller)
        case ("GET", 3, "payment_intents"):
            let intent = try caller.find(parts[2], &form, in: ledger)
            try form.end()
            return .json(200, intent.json)
        case ("POST", 4, "payment_intents") where parts[3] == "confirm":
            return try confirm(parts[2], &form, caller, requestID, key)
        case ("POST", 4, "payment_intents") where parts[3] == "cancel":
            return try cancel(parts[2], &form, caller, requestID, key)
        case ("POST", 2, "webhook_endpoints"): return try addEndpoint(&form, caller)
        case ("GET", 2, "webhook_endpoints"):
            try caller.requireSecretKey()
            let own = (webhooks?.endpoints ?? []).filter { $0.account == caller.account }
            return .json(200, Self.page(own.map { Self.json($0, showingSecret: false) }, "/v1/webhook_endpoints"))
        case ("DELETE", 3, "webhook_endpoints"):
            try caller.requireSecretKey()
            guard webhooks?.endpoints.contains(where: { $0.id == parts[2] && $0.account == caller.account }) == true
            else {
                throw .noSuch("webhook endpoint", parts[2], parameter: "id")
            }
            webhooks?.remove(parts[2])
            return .json(200, ["id": .string(parts[2]), "object": "webhook_endpoint", "deleted": true])
        default: throw .unknownURL(request.method, path)
        }
    }

    // MARK: - PaymentIntents

    private func create(
        _ form: inout StripeForm,
        _ caller: StripeCaller,
        _ requestID: String,
        _ key: String?
    ) throws(StripeError) -> SandboxReply {
        try caller.requireSecretKey()
        guard let amount = try form.takeInteger("amount") else { throw .missing("amount") }
        guard let currency = form.take("currency") else { throw .missing("currency") }
        try StripeRules.check(amount, currency)
        let metadata = form.takeMap("metadata")
        try StripeRules.check(metadata)
        let method = form.take("payment_method")
        let confirms = form.take("confirm") == "true"
        var intent = StripeIntent(
            account: caller.account,
            amount: amount,
            currency: currency.lowercased(),
            description: form.take("description"),
            receiptEmail: form.take("receipt_email"),
            metadata: metadata
        )
        intent.paymentMethod = method
        form.ignore(
            "automatic_payment_methods",
            "payment_method_types",
            "capture_method",
            "confirmation_method",
            "customer",
            "off_session",
            "setup_future_usage",
            "return_url",
            "statement_descriptor_suffix",
            "use_stripe_sdk",
            "error_on_requires_action",
            "payment_method_options",
            "shipping"
        )
        try form.end()
        if method != nil { intent.status = .requiresConfirmation }
        ledger.add(intent)
        emit("payment_intent.created", intent.json, intent, requestID, key)
        if confirms {
            guard let method else { throw .missing("payment_method") }
            intent = try settle(intent.id, with: method, requestID, key)
        }
        return .json(200, intent.json)
    }

    private func list(_ form: inout StripeForm, _ caller: StripeCaller) throws(StripeError) -> SandboxReply {
        try caller.requireSecretKey()
        let limit = try form.takeInteger("limit") ?? 10
        guard (1...100).contains(limit) else {
            throw StripeError(
                400,
                "Limit must be between 1 and 100.",
                code: "parameter_invalid_integer",
                parameter: "limit"
            )
        }
        let after = form.take("starting_after")
        form.ignore("created", "customer", "ending_before")
        try form.end()
        var own = ledger.all.filter { $0.account == caller.account }[...]
        if let after {
            guard let place = own.firstIndex(where: { $0.id == after }) else {
                throw .noSuch("payment_intent", after, parameter: "starting_after")
            }
            own = own[(place + 1)...]
        }
        let page = own.prefix(Int(limit)).map(\.json)
        return .json(200, Self.page(page, "/v1/payment_intents", hasMore: own.count > page.count))
    }

    private func confirm(
        _ id: String,
        _ form: inout StripeForm,
        _ caller: StripeCaller,
        _ requestID: String,
        _ key: String?
    ) throws(StripeError) -> SandboxReply {
        let intent = try caller.find(id, &form, in: ledger)
        let method = form.take("payment_method") ?? intent.paymentMethod
        form.ignore("return_url", "off_session", "use_stripe_sdk", "payment_method_data", "receipt_email", "key")
        try form.end()
        guard let method else {
            var error = StripeError(
                400,
                """
                You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the \
                PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment \
                method or ConfirmationToken.
                """,
                code: "payment_intent_unexpected_state"
            )
            error.isKept = true
            throw error
        }
        return .json(200, try settle(id, with: method, requestID, key).json)
    }

    /// The card decides: `pm_card_chargeDeclined` is declined, others are charged.
    private func settle(
        _ id: String,
        with method: String,
        _ requestID: String?,
        _ key: String?
    ) throws(StripeError) -> StripeIntent {
        let isDeclined = method.lowercased().contains("declined")
        let intent = try ledger.change(id) { (intent) throws(StripeError) in
            guard intent.isOpen else {
                throw .wrongState(
                    "confirm",
                    "confirmed",
                    intent.status.rawValue,
                    ["requires_payment_method", "requires_confirmation", "requires_action"]
                )
            }
            if isDeclined { intent.decline() } else { intent.succeed(with: method) }
        }
        if isDeclined {
            emit("payment_intent.payment_failed", intent.json, intent, requestID, key)
            var error = StripeError.declined
            error.members["payment_intent"] = intent.json
            error.members["charge"] = .text(intent.charge)
            throw error
        }
        emit("charge.succeeded", intent.chargeJSON(true), intent, requestID, key)
        emit("payment_intent.succeeded", intent.json, intent, requestID, key)
        return intent
    }

    private func cancel(
        _ id: String,
        _ form: inout StripeForm,
        _ caller: StripeCaller,
        _ requestID: String,
        _ key: String?
    ) throws(StripeError) -> SandboxReply {
        try caller.requireSecretKey()
        _ = try caller.find(id, &form, in: ledger)
        let reason = form.take("cancellation_reason")
        try form.end()
        if let reason, !["duplicate", "fraudulent", "requested_by_customer", "abandoned"].contains(reason) {
            throw StripeError(
                400,
                """
                Invalid cancellation_reason: must be one of duplicate, fraudulent, requested_by_customer, or abandoned
                """,
                parameter: "cancellation_reason"
            )
        }
        let intent = try ledger.change(id) { (intent) throws(StripeError) in
            guard intent.isOpen || intent.status == .requiresCapture else {
                throw .wrongState(
                    "cancel",
                    "canceled",
                    intent.status.rawValue,
                    [
                        "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action",
                        "processing",
                    ]
                )
            }
            intent.status = .canceled
            intent.cancellationReason = reason
            intent.canceledAt = .now()
        }
        emit("payment_intent.canceled", intent.json, intent, requestID, key)
        return .json(200, intent.json)
    }

    // MARK: - Webhooks

    private func addEndpoint(_ form: inout StripeForm, _ caller: StripeCaller) throws(StripeError) -> SandboxReply {
        try caller.requireSecretKey()
        guard let url = form.take("url") else { throw .missing("url") }
        let kinds = form.takeMap("enabled_events")
        if kinds.isEmpty { throw .missing("enabled_events") }
        form.ignore("api_version", "description", "metadata", "connect")
        try form.end()
        guard let endpoint = webhooks?.add(url, "whsec_\(RandomText.make(32))", account: caller.account) else {
            throw StripeError(
                400,
                "Invalid URL: An explicit scheme (such as https) must be provided.",
                code: "url_invalid",
                parameter: "url"
            )
        }
        return .json(200, Self.json(endpoint, showingSecret: true))
    }

    private static func json(_ endpoint: WebhookSender.Endpoint, showingSecret: Bool) -> JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(endpoint.id), "object": "webhook_endpoint", "api_version": .string(versionDefault),
            "created": .integer(endpoint.at.seconds), "enabled_events": ["*"], "livemode": false, "status": "enabled",
            "url": .string(endpoint.url),
        ]
        if showingSecret { members["secret"] = .string(endpoint.secret) }
        return .object(members)
    }

    private static func page(_ items: [JSONValue], _ url: String, hasMore: Bool = false) -> JSONValue {
        ["object": "list", "data": .array(items), "has_more": .bool(hasMore), "url": .string(url)]
    }

    private func emit(_ type: String, _ object: JSONValue, _ intent: StripeIntent, _ requestID: String?, _ key: String?)
    {
        let id = "evt_3\(RandomText.make(23))"
        let event: JSONValue = [
            "id": .string(id), "object": "event", "api_version": .string(Self.versionDefault),
            "created": .integer(Instant.now().seconds), "data": ["object": object], "livemode": false,
            "pending_webhooks": 1, "request": ["id": .text(requestID), "idempotency_key": .text(key)],
            "type": .string(type),
        ]
        guard let body = try? JSONWriter.encode(event) else { return }
        webhooks?.send(
            .init(id: id, type: type, account: intent.account, clinic: intent.metadata["clinic_id"], body: body)
        )
    }
}

// MARK: - The payer

extension Stripe: SandboxPayments {
    var payments: (any SandboxPayments)? { self }
    var list: [JSONValue] { ledger.all.map(\.summary) }

    func act(_ action: PayerAction, on id: String, clientSecret: String?) async -> SandboxReply? {
        guard
            let intent = ledger.named(id)
                ?? clientSecret.flatMap({ secret in ledger.all.first { $0.secret == secret } })
        else { return nil }
        if let clientSecret, clientSecret != intent.secret {
            return .problem(403, "The client secret does not belong to this payment.")
        }
        do throws(StripeError) {
            switch action {
            case .pay: return .json(200, try settle(intent.id, with: "pm_card_visa", nil, nil).summary)
            case .fail:
                do throws(StripeError) { _ = try settle(intent.id, with: "pm_card_chargeDeclined", nil, nil) } catch {
                    guard error.status == 402 else { throw error }
                }
                return .json(200, (ledger.find(intent.id) ?? intent).summary)
            case .dispute:
                guard intent.status == .succeeded else {
                    return .problem(409, "Only a payment that succeeded can be disputed.")
                }
                emit("charge.dispute.created", dispute(intent), intent, nil, nil)
                return .json(200, intent.summary)
            }
        } catch {
            return .problem(409, error.message)
        }
    }

    private func dispute(_ intent: StripeIntent) -> JSONValue {
        [
            "id": .string("dp_1\(RandomText.make(23))"), "object": "dispute", "amount": .integer(intent.amount),
            "charge": .text(intent.charge), "created": .integer(Instant.now().seconds),
            "currency": .string(intent.currency), "livemode": false, "metadata": [:],
            "payment_intent": .string(intent.id), "reason": "fraudulent", "status": "needs_response",
        ]
    }
}
