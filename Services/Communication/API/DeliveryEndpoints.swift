package import Contracts
import Core

/// Providers' webhooks.
package struct DeliveryEndpoints: Sendable {
    /// In bytes: SendGrid gathers events to lists of 768 KB, and what is refused for its size never comes in parts.
    package static let longestNotice = 1 << 20

    package let receive = Endpoint(
        "communication.messages.receive_notice",
        .POST,
        "/webhooks/communication/{provider}/{clinicId}",
        service: .communication,
        guard: .signature(of: "the message provider"),
        takes: WebhookNotice.self,
        gives: WebhookReceipt.self,
        audit: .none(because: "says what became of messages whose sending is audited"),
        body: .raw(maxBytes: Self.longestNotice),
        resource: "messages",
        errors: [ErrorCode(401, "invalid_signature")],
        summary: "A provider's notice of deliveries and bounces"
    )

    package init() {}

    package var all: [any EndpointDescription] { [receive] }
}
