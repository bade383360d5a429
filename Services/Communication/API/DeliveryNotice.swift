package import Contracts
package import Core

/// A provider's notice of what became of messages, as it came.
package struct DeliveryNotice: Wire {
    package static let longestBody = 256 * 1_024

    package var provider: String
    package var clinicId: ClinicID
    package var body: RawBody

    package init(provider: String, clinicId: ClinicID, body: RawBody) {
        self.provider = provider
        self.clinicId = clinicId
        self.body = body
    }

    package static var limits: [Limit] { [.length(CodingKeys.provider, 1...40)] }
}

/// The answer to a notice that was taken in.
package struct DeliveryNoticeReceipt: Wire {
    package var received: Bool

    package init(received: Bool) { self.received = received }
}

/// Providers' webhooks.
package struct DeliveryEndpoints: Sendable {
    package let receive = Endpoint(
        "communication.messages.receive_notice",
        .POST,
        "/webhooks/communication/{provider}/{clinicId}",
        service: .communication,
        guard: .signature(of: "the message provider"),
        takes: DeliveryNotice.self,
        gives: DeliveryNoticeReceipt.self,
        audit: .none(because: "says what became of messages whose sending is audited"),
        body: .raw(maxBytes: DeliveryNotice.longestBody),
        resource: "messages",
        errors: [ErrorCode(401, "invalid_signature")],
        summary: "A provider's notice of deliveries and bounces"
    )

    package init() {}

    package var all: [any EndpointDescription] { [receive] }
}
