package import Contracts
package import Core

/// A provider's question whether an address is ours, before it sends notices there.
///
/// What a question lacks is told by the provider's own rule, for most providers ask nothing at all.
package struct WebhookHandshake: Wire {
    /// The longest token that somebody shows to be known by, in characters, and in bytes where it is chosen.
    package static let longestToken = 1_000

    package var provider: String
    package var clinicId: ClinicID
    package var mode: String?
    package var verifyToken: String?
    /// Given back as it came.
    package var challenge: String?

    private enum CodingKeys: String, CodingKey {
        case provider, clinicId
        case mode = "hub.mode"
        case verifyToken = "hub.verify_token"
        case challenge = "hub.challenge"
    }

    package init(provider: String, clinicId: ClinicID, mode: String?, verifyToken: String?, challenge: String?) {
        self.provider = provider
        self.clinicId = clinicId
        self.mode = mode
        self.verifyToken = verifyToken
        self.challenge = challenge
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.provider, 1...WebhookPayload.longestProvider), .length(CodingKeys.mode, 0...40),
            .example(CodingKeys.mode, "subscribe"), .length(CodingKeys.verifyToken, 0...WebhookHandshake.longestToken),
            .secret(CodingKeys.verifyToken), .length(CodingKeys.challenge, 0...200),
            .example(CodingKeys.challenge, "1158201444"),
        ]
    }
}

/// The same question of the installation's own provider.
package struct SharedHandshake: Wire {
    package var provider: String
    package var mode: String?
    package var verifyToken: String?
    /// Given back as it came.
    package var challenge: String?

    private enum CodingKeys: String, CodingKey {
        case provider
        case mode = "hub.mode"
        case verifyToken = "hub.verify_token"
        case challenge = "hub.challenge"
    }

    package init(provider: String, mode: String?, verifyToken: String?, challenge: String?) {
        self.provider = provider
        self.mode = mode
        self.verifyToken = verifyToken
        self.challenge = challenge
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.provider, 1...WebhookPayload.longestProvider), .length(CodingKeys.mode, 0...40),
            .example(CodingKeys.mode, "subscribe"), .length(CodingKeys.verifyToken, 0...WebhookHandshake.longestToken),
            .secret(CodingKeys.verifyToken), .length(CodingKeys.challenge, 0...200),
            .example(CodingKeys.challenge, "1158201444"),
        ]
    }
}

/// The challenge of a handshake, as text.
package struct HandshakeAnswer: Wire, Documented {
    package var text: String

    package init(_ text: String) { self.text = text }

    package init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package static var schema: Schema { .string(example: "1158201444") }
    package static var placeholder: HandshakeAnswer { HandshakeAnswer("") }
}
