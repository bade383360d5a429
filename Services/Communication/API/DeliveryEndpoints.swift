package import Contracts
import Core

/// Providers' webhooks.
package struct DeliveryEndpoints: Sendable {
    package let receive = Endpoint(
        "communication.messages.receive_notice",
        .POST,
        "/webhooks/communication/{provider}/{clinicId}",
        service: .communication,
        guard: .signature(of: "the message provider"),
        takes: WebhookNotice.self,
        gives: WebhookReceipt.self,
        audit: .none(because: "says what became of messages whose sending is audited"),
        body: .raw(maxBytes: WebhookNotice.longestBody),
        resource: "messages",
        errors: [ErrorCode(401, "invalid_signature")],
        summary: "A provider's notice of deliveries and bounces"
    )

    package let receiveShared = Endpoint(
        "communication.messages.receive_shared_notice",
        .POST,
        "/webhooks/communication/{provider}/installation",
        service: .communication,
        guard: .signature(of: "the installation's message provider"),
        tenancy: Tenancy.none,
        takes: SharedNotice.self,
        gives: WebhookReceipt.self,
        audit: .none(because: "says what became of messages whose sending is audited"),
        body: .raw(maxBytes: WebhookNotice.longestBody),
        resource: "messages",
        errors: [ErrorCode(401, "invalid_signature")],
        summary: "A notice of the installation's own provider, about messages of any clinic"
    )

    package init() {}

    package var all: [any EndpointDescription] { [receive, receiveShared] }
}

/// What one of the installation's own providers tells by its webhook, as it came.
package struct SharedNotice: Wire {
    package var provider: String
    /// Unread until the provider's signature over it is verified.
    package var body: RawBody

    package init(provider: String, body: RawBody) {
        self.provider = provider
        self.body = body
    }

    package static var limits: [Limit] { [.length(CodingKeys.provider, 1...WebhookNotice.longestProvider)] }
}
