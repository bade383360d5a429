import Contracts
import Core

/// A refusal in Stripe's shape (docs.stripe.com/api/errors).
struct StripeError: Error, Sendable {
    var status: Int
    var type: String
    var code: String?
    var parameter: String?
    var message: String
    var members: [String: JSONValue] = [:]
    /// Whether the idempotency key keeps it: not what was refused before anything was begun.
    var isKept = false

    init(
        _ status: Int,
        _ message: String,
        type: String = "invalid_request_error",
        code: String? = nil,
        parameter: String? = nil
    ) {
        self.status = status
        self.type = type
        self.code = code
        self.parameter = parameter
        self.message = message
    }

    var reply: SandboxReply {
        var error = members
        error["type"] = .string(type)
        error["message"] = .string(message)
        if let code {
            error["code"] = .string(code)
            error["doc_url"] = .string("https://stripe.com/docs/error-codes/\(code.replacing("_", with: "-"))")
        }
        if let parameter { error["param"] = .string(parameter) }
        return .json(status, ["error": .object(error)])
    }

    static let noKey = StripeError(
        401,
        """
        You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth \
        (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we \
        can help at https://support.stripe.com/.
        """
    )

    static func wrongKey(_ key: String) -> StripeError {
        let shown = key.count > 12 ? "\(key.prefix(8))\(String(repeating: "*", count: 8))\(key.suffix(4))" : "********"
        return StripeError(401, "Invalid API Key provided: \(shown)")
    }

    static func unknownURL(_ method: String, _ path: String) -> StripeError {
        StripeError(
            404,
            """
            Unrecognized request URL (\(method): \(path)). Please see https://stripe.com/docs or we can help at \
            https://support.stripe.com/.
            """
        )
    }

    static func unknown(_ parameter: String) -> StripeError {
        StripeError(400, "Received unknown parameter: \(parameter)", code: "parameter_unknown", parameter: parameter)
    }

    static func missing(_ parameter: String) -> StripeError {
        StripeError(400, "Missing required param: \(parameter).", code: "parameter_missing", parameter: parameter)
    }

    static func noSuch(_ object: String, _ id: String, parameter: String = "intent") -> StripeError {
        StripeError(404, "No such \(object): '\(id)'", code: "resource_missing", parameter: parameter)
    }

    static func otherParameters(_ key: String) -> StripeError {
        StripeError(
            400,
            """
            Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a \
            key other than '\(key)' if you meant to execute a different request.
            """,
            type: "idempotency_error"
        )
    }

    static func keyInUse(_ key: String) -> StripeError {
        StripeError(
            409,
            """
            There is currently another in-progress request using this Idempotent Key (that probably means you submitted \
            twice, and the other request is still going through): \(key). Please try again later.
            """,
            type: "idempotency_error",
            code: "idempotency_key_in_use"
        )
    }

    static func wrongState(_ verb: String, _ past: String, _ status: String, _ allowed: [String]) -> StripeError {
        var error = StripeError(
            400,
            """
            You cannot \(verb) this PaymentIntent because it has a status of \(status). Only a PaymentIntent with one of the \
            following statuses may be \(past): \(allowed.joined(separator: ", ")).
            """,
            code: "payment_intent_unexpected_state"
        )
        error.isKept = true
        return error
    }

    static let declined: StripeError = {
        var error = StripeError(402, "Your card was declined.", type: "card_error", code: "card_declined")
        error.members["decline_code"] = "generic_decline"
        error.isKept = true
        return error
    }()
}
