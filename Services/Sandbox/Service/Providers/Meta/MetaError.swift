import Contracts
import Core

/// A refusal in Meta's shape (developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes).
struct MetaError: Error, Sendable {
    let status: Int
    let code: Int
    let message: String
    var type = "OAuthException"
    var subcode: Int?
    var details: String?
    var isTransient = false

    init(_ status: Int, _ code: Int, _ message: String, details: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.details = details
    }

    var reply: SandboxReply {
        var error: [String: JSONValue] = [
            "message": .string(message), "type": .string(type), "code": .integer(Int64(code)),
            "fbtrace_id": .string("A\(RandomText.make(22))"),
        ]
        if let subcode { error["error_subcode"] = .integer(Int64(subcode)) }
        if let details { error["error_data"] = ["messaging_product": "whatsapp", "details": .string(details)] }
        if isTransient { error["is_transient"] = true }
        return .json(status, ["error": .object(error)])
    }

    /// As a notice that a message failed carries it.
    var notice: JSONValue {
        [
            "code": .integer(Int64(code)), "title": .string(message), "message": .string(message),
            "error_data": ["details": .string(details ?? message)],
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
        ]
    }

    static func missing(_ parameter: String) -> MetaError {
        MetaError(400, 100, "(#100) The parameter \(parameter) is required.")
    }

    static func wrong(_ details: String) -> MetaError {
        MetaError(400, 131_009, "(#131009) Parameter value is not valid", details: details)
    }

    /// An object that is not there, or that the token does not reach.
    static func noObject(_ id: String, _ method: String) -> MetaError {
        let text =
            "Unsupported \(method.lowercased()) request. Object with ID '\(id)' does not exist, cannot be loaded due to "
            + "missing permissions, or does not support this operation. Please read the Graph API documentation at "
            + "https://developers.facebook.com/docs/graph-api"
        var error = MetaError(400, 100, text)
        error.type = "GraphMethodException"
        error.subcode = 33
        return error
    }

    /// What a number that ends with an error's code is answered with.
    static let byNumber: [Int: MetaError] = {
        let errors = [
            MetaError(
                429,
                130_429,
                "(#130429) Rate limit hit",
                details: "Cloud API message throughput has been reached."
            ),
            MetaError(
                400,
                131_056,
                "(#131056) (Business Account, Consumer Account) pair rate limit hit",
                details:
                    "Message failed to send because there were too many messages sent from this phone number to the "
                    + "same phone number in a short period of time."
            ),
            MetaError(400, 131_048, "(#131048) Spam rate limit hit"),
            MetaError(
                400,
                131_030,
                "(#131030) Recipient phone number not in allowed list",
                details:
                    "Recipient phone number not in allowed list: Add recipient phone number to recipient list and try "
                    + "again."
            ),
            MetaError(400, 131_021, "(#131021) Recipient cannot be sender"),
            MetaError(400, 131_042, "(#131042) Business eligibility payment issue"),
            MetaError(403, 131_031, "(#131031) Account has been locked"),
            MetaError(400, 130_497, "(#130497) Business account is restricted from messaging users in this country."),
            MetaError(500, 131_000, "(#131000) Something went wrong"), MetaError(400, 131_026, "Message undeliverable"),
            MetaError(
                400,
                131_047,
                "Re-engagement message",
                details:
                    "Message failed to send because more than 24 hours have passed since the customer last replied to "
                    + "this number."
            ),
            MetaError(
                400,
                131_049,
                "This message was not delivered to maintain healthy ecosystem engagement.",
                details: "In order to maintain a healthy ecosystem engagement, the message failed to be delivered."
            ),
            MetaError(400, 131_050, "User has chosen to stop receiving marketing messages"),
            MetaError(400, 130_472, "User's number is part of an experiment"),
        ]
        return Dictionary(uniqueKeysWithValues: errors.map { ($0.code, $0) })
    }()

    /// The error that a message's number stands for: one that begins with 1500 or 1501 and ends with the error's code.
    static func of(_ order: MetaOrder) -> MetaError? {
        guard order.to.hasPrefix("1500") || isTold(at: order.to), let code = Int(order.to.suffix(6)) else { return nil }
        // A template may go at any time.
        return code == 131_047 && order.isTemplate ? nil : byNumber[code]
    }

    /// Numbers whose error is told in the answer, be it one that Meta tells of later as a rule.
    static func isTold(at number: String) -> Bool { number.hasPrefix("1501") }

    /// Errors that Meta tells of only after it has taken a message.
    static let told: Set<Int> = [131_026, 131_047, 131_049, 131_050, 130_472]
}
