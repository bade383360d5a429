import Contracts

/// A refusal in Twilio's shape (twilio.com/docs/api/errors).
struct TwilioError: Error, Sendable {
    let status: Int
    let code: Int
    let message: String

    init(_ status: Int, _ code: Int, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    var reply: SandboxReply {
        .json(
            status,
            [
                "code": .integer(Int64(code)), "message": .string(message),
                "more_info": .string("https://www.twilio.com/docs/errors/\(code)"), "status": .integer(Int64(status)),
            ]
        )
    }

    static let unauthenticated = TwilioError(401, 20_003, "Authenticate")

    static func notFound(_ path: String) -> TwilioError {
        TwilioError(404, 20_404, "The requested resource \(path) was not found")
    }
}
