import BillingAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// Payments by Stripe's PaymentIntents.
struct StripePaymentProvider: PaymentProvider {
    static let base = "https://api.stripe.com"
    static let version = "2026-07-29.dahlia"

    private static let signingKey = "webhookSecret"

    let name = "stripe"
    let http: OutboundHTTP

    var shape: CredentialShape {
        CredentialShape(
            name,
            [
                .secret("secretKey"), .text("publishableKey"),
                .init(Self.signingKey, form: .texts, isSecret: true, signsWebhooks: true), .optional("endpoint"),
            ]
        )
    }

    func begin(_ order: PaymentOrder, with entry: ProviderEntry, deadline: Deadline) async -> ProviderAnswer {
        guard let amount = StripeAmount.encode(order.amount) else { return .refused("amount_not_payable") }
        let form = [
            ("amount", String(amount)), ("currency", order.amount.currency.code.lowercased()),
            ("automatic_payment_methods[enabled]", "true"), ("metadata[payment_id]", order.payment.description),
            ("metadata[clinic_id]", order.clinic.description),
        ]
        return await call(
            "POST",
            "/v1/payment_intents",
            entry,
            deadline,
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded"), ("Idempotency-Key", order.idempotencyKey),
            ],
            body: Array(FormEncoding.encode(form).utf8)
        )
    }

    func read(_ id: String, with entry: ProviderEntry, deadline: Deadline) async -> ProviderAnswer {
        guard Self.isIntentID(id) else { return .refused("malformed_id") }
        return await call("GET", "/v1/payment_intents/\(id)", entry, deadline)
    }

    func notice(
        _ body: [UInt8],
        headers: [String: String],
        of entry: ProviderEntry,
        at now: Instant
    ) throws(Problem) -> ProviderNotice {
        let header = headers.first { $0.key.lowercased() == "stripe-signature" }?.value
        let secrets = entry.webhookSecrets(Self.signingKey, at: now)
        guard StripeSignature.isValid(header, body: body, secrets: secrets, at: now) else {
            throw .invalidSignature
        }
        guard let event = try? JSONTape(body).decode(StripeEvent.self), (1...255).contains(event.id.utf8.count),
            (1...100).contains(event.type.utf8.count)
        else { throw .malformed("The notice is not an event.") }
        let intent = event.type.hasPrefix("payment_intent.") ? event.data?.object : nil
        return ProviderNotice(
            eventID: event.id,
            kind: event.type,
            providerPaymentID: intent?.id.flatMap { Self.isIntentID($0) ? $0 : nil },
            paymentID: intent?.metadata?["payment_id"].flatMap { PaymentID($0) }
        )
    }

    private func call(
        _ method: String,
        _ path: String,
        _ entry: ProviderEntry,
        _ deadline: Deadline,
        headers: [(String, String)] = [],
        body: [UInt8] = []
    ) async -> ProviderAnswer {
        var base = entry.credentials.text("endpoint") ?? Self.base
        while base.hasSuffix("/") { base.removeLast() }
        let common = [
            ("Authorization", "Bearer \(entry.credentials.text("secretKey") ?? "")"), ("Stripe-Version", Self.version),
        ]
        do {
            let response = try await http.send(
                method: method,
                url: base + path,
                headers: common + headers,
                body: body,
                deadline: deadline
            )
            return Self.answer(response)
        } catch {
            switch error {
            case .notSent: return .transient(error.code)
            case .lost: return .unknown(error.code)
            }
        }
    }

    /// An answer by its status and error code (docs.stripe.com/api/errors).
    static func answer(_ response: OutboundResponse) -> ProviderAnswer {
        if (200..<300).contains(response.status) {
            guard let intent = try? JSONTape(response.body).decode(StripeIntent.self), let payment = intent.payment
            else {
                return .unknown("unreadable_answer")
            }
            return .payment(payment)
        }
        let error = try? JSONTape(response.body).decode(StripeFailure.self).error
        let code = (error?.code ?? error?.type).flatMap(Self.plainCode) ?? "http_\(response.status)"
        switch response.status {
        case 401, 403: return .credentials(code)
        case 400 where code == "rate_limit", 409, 429: return .transient(code)
        case 400..<500: return .refused(code)
        default: return .unknown(code)
        }
    }

    /// Codes of the provider are stored and shown: only what looks like one.
    private static func plainCode(_ text: String) -> String? {
        let isPlain = text.utf8.allSatisfy {
            $0.isSmallLetter || $0.isDigit || $0 == UInt8(ascii: "_")
        }
        return isPlain && (1...60).contains(text.utf8.count) ? text : nil
    }

    private static func isIntentID(_ text: String) -> Bool {
        text.hasPrefix("pi_") && text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                byte.isLetterOrDigit || byte == UInt8(ascii: "_")
            }
    }
}

/// A PaymentIntent, as much of it as is read.
private struct StripeIntent: Codable {
    let id: String
    let amount: Int64
    let amount_received: Int64?
    let currency: String
    let status: String
    let client_secret: String?
    let metadata: [String: String]?

    var payment: ProviderPayment? {
        guard let currency = Currency(currency.uppercased()), let status = Self.statuses[status] else { return nil }
        return ProviderPayment(
            id: id,
            status: status,
            amount: Money(amount: StripeAmount.decode(amount, currency), currency: currency),
            received: StripeAmount.decode(amount_received ?? 0, currency),
            paymentID: metadata?["payment_id"].flatMap { PaymentID($0) },
            clientSecret: client_secret.map { Secret($0) }
        )
    }

    private static let statuses: [String: PaymentStatus] = [
        "requires_payment_method": .pending, "requires_confirmation": .pending, "requires_action": .pending,
        "processing": .processing, "succeeded": .succeeded, "canceled": .cancelled,
    ]
}

private struct StripeFailure: Codable {
    struct Detail: Codable {
        let type: String?
        let code: String?
    }

    let error: Detail
}

private struct StripeEvent: Codable {
    struct Content: Codable { let object: Object? }
    struct Object: Codable {
        let id: String?
        let metadata: [String: String]?
    }

    let id: String
    let type: String
    let data: Content?
}
