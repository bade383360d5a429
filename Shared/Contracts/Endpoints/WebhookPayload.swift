package import Core

/// A provider's webhook as it came: its body is read only once its signature has been verified.
package struct WebhookPayload: Wire {
    /// In bytes.
    package static let longestBody = 256 * 1_024
    /// In characters.
    package static let longestProvider = 40

    package var provider: String
    package var clinicId: ClinicID
    /// What it is about, where the provider was given an address for each message.
    package var message: MessageID?
    /// Unread until the provider's signature over it is verified.
    package var body: RawBody

    package init(provider: String, clinicId: ClinicID, message: MessageID? = nil, body: RawBody) {
        self.provider = provider
        self.clinicId = clinicId
        self.message = message
        self.body = body
    }

    package static var limits: [Limit] { [.length(CodingKeys.provider, 1...longestProvider)] }
}

extension Problem {
    /// One answer for a missing, wrong or old signature and for a clinic without this provider: no oracle.
    package static let invalidSignature = Problem(401, "invalid_signature", "The webhook's signature is not valid.")
}

/// The answer to a webhook that was taken in.
package struct WebhookReceipt: Wire {
    package var received: Bool

    package init(received: Bool) { self.received = received }
}
