import Contracts
import Core

/// A PaymentIntent, as far as the sandbox keeps one (docs.stripe.com/api/payment_intents/object).
struct StripeIntent: Sendable {
    enum Status: String, Sendable, CaseIterable {
        case requiresPaymentMethod = "requires_payment_method"
        case requiresConfirmation = "requires_confirmation"
        case requiresAction = "requires_action"
        case processing
        case requiresCapture = "requires_capture"
        case canceled, succeeded
    }

    let id: String
    let account: String
    let secret: String
    let amount: Int64
    let currency: String
    let created: Instant
    let description: String?
    let receiptEmail: String?
    let metadata: [String: String]
    var status = Status.requiresPaymentMethod
    var paymentMethod: String?
    var charge: String?
    var lastError: JSONValue = .null
    var cancellationReason: String?
    var canceledAt: Instant?

    init(
        account: String,
        amount: Int64,
        currency: String,
        description: String?,
        receiptEmail: String?,
        metadata: [String: String]
    ) {
        id = "pi_3\(RandomText.make(23))"
        self.account = account
        secret = "\(id)_secret_\(RandomText.make(25))"
        self.amount = amount
        self.currency = currency
        created = .now()
        self.description = description
        self.receiptEmail = receiptEmail
        self.metadata = metadata
    }

    var json: JSONValue {
        let paid: Int64 = status == .succeeded ? amount : 0
        return [
            "id": .string(id), "object": "payment_intent", "amount": .integer(amount), "amount_capturable": 0,
            "amount_details": ["tip": [:]], "amount_received": .integer(paid), "application": .null,
            "application_fee_amount": .null,
            "automatic_payment_methods": ["allow_redirects": "always", "enabled": true],
            "canceled_at": canceledAt.map { .integer($0.seconds) } ?? .null,
            "cancellation_reason": .text(cancellationReason), "capture_method": "automatic_async",
            "client_secret": .string(secret), "confirmation_method": "automatic", "created": .integer(created.seconds),
            "currency": .string(currency), "customer": .null, "description": .text(description),
            "last_payment_error": lastError, "latest_charge": .text(charge), "livemode": false,
            "metadata": .object(metadata.mapValues { .string($0) }), "next_action": .null, "on_behalf_of": .null,
            "payment_method": .text(paymentMethod), "payment_method_options": [:], "payment_method_types": ["card"],
            "processing": .null, "receipt_email": .text(receiptEmail), "review": .null, "setup_future_usage": .null,
            "shipping": .null, "statement_descriptor": .null, "statement_descriptor_suffix": .null,
            "status": .string(status.rawValue), "transfer_data": .null, "transfer_group": .null,
        ]
    }

    /// As `GET /payments` shows it.
    var summary: JSONValue {
        [
            "id": .string(id), "provider": "stripe", "status": .string(status.rawValue), "amount": .integer(amount),
            "currency": .string(currency.uppercased()), "clientSecret": .string(secret),
            "created": .string(created.rfc3339), "reference": .text(metadata["payment_id"]),
            "metadata": .object(metadata.mapValues { .string($0) }), "page": .string("/pay/\(id)"),
        ]
    }

    mutating func succeed(with method: String = "pm_card_visa") {
        status = .succeeded
        paymentMethod = method.hasPrefix("pm_card") ? "pm_1\(RandomText.make(23))" : method
        charge = "ch_3\(RandomText.make(23))"
        lastError = .null
    }

    mutating func decline() {
        status = .requiresPaymentMethod
        paymentMethod = nil
        charge = "ch_3\(RandomText.make(23))"
        lastError = [
            "type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
            "message": "Your card was declined.", "charge": .text(charge),
            "doc_url": "https://stripe.com/docs/error-codes/card-declined",
        ]
    }

    var isOpen: Bool {
        switch status {
        case .requiresPaymentMethod, .requiresConfirmation, .requiresAction, .processing: true
        case .requiresCapture, .canceled, .succeeded: false
        }
    }

    func chargeJSON(_ succeeded: Bool) -> JSONValue {
        [
            "id": .text(charge), "object": "charge", "amount": .integer(amount),
            "amount_captured": .integer(succeeded ? amount : 0), "amount_refunded": 0, "captured": .bool(succeeded),
            "created": .integer(Instant.now().seconds), "currency": .string(currency), "livemode": false,
            "metadata": .object(metadata.mapValues { .string($0) }), "paid": .bool(succeeded),
            "payment_intent": .string(id), "refunded": false, "status": .string(succeeded ? "succeeded" : "failed"),
        ]
    }
}
