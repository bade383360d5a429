package import Contracts
package import Core

/// Providers' webhooks.
package struct DeliveryEndpoints: Sendable {
    /// Bytes of a webhook that brings a whole e-mail: 25 MiB of files are a third more as they travel.
    ///
    /// Others have `WebhookPayload.longestBody`, or what their provider names.
    package static let longestMail = 40 << 20
    /// In which the last piece of a notice has to be taken in.
    private static let deadline: Duration = .seconds(30)

    package let receive = Endpoint(
        "communication.messages.receive_notice",
        .POST,
        "/webhooks/communication/{provider}/{clinicId}",
        service: .communication,
        guard: .signature(of: "the message provider"),
        takes: WebhookPayload.self,
        gives: WebhookReceipt.self,
        furtherStatuses: [204],
        audit: .none(because: "says what became of messages whose sending is audited"),
        body: .streamed(maxBytes: DeliveryEndpoints.longestMail, media: []),
        resource: "messages",
        errors: [ErrorCode(400, "body_incomplete"), ErrorCode(401, "invalid_signature")],
        deadline: DeliveryEndpoints.deadline,
        summary: "A provider's notice of deliveries and bounces, or of what somebody wrote"
    )

    package let receiveShared = Endpoint(
        "communication.messages.receive_shared_notice",
        .POST,
        "/webhooks/communication/{provider}/installation",
        service: .communication,
        guard: .signature(of: "the installation's message provider"),
        tenancy: Tenancy.none,
        takes: SharedWebhookPayload.self,
        gives: WebhookReceipt.self,
        furtherStatuses: [204],
        audit: .none(because: "says what became of messages whose sending is audited"),
        body: .streamed(maxBytes: DeliveryEndpoints.longestMail, media: []),
        resource: "messages",
        errors: [ErrorCode(400, "body_incomplete"), ErrorCode(401, "invalid_signature")],
        deadline: DeliveryEndpoints.deadline,
        summary: "A notice of the installation's own provider, about messages of any clinic"
    )

    package let handshake = Endpoint(
        "communication.messages.answer_handshake",
        .GET,
        "/webhooks/communication/{provider}/{clinicId}",
        service: .communication,
        guard: .signature(of: "the message provider"),
        takes: WebhookHandshake.self,
        gives: HandshakeAnswer.self,
        audit: .none(because: "gives back what it is asked, to who knows the clinic's token"),
        resource: "messages",
        streams: true,
        media: "text/plain",
        errors: [ErrorCode(403, "invalid_verify_token"), ErrorCode(405, "method_not_allowed")],
        summary: "A provider's question whether the address for its notices is ours"
    )

    package let sharedHandshake = Endpoint(
        "communication.messages.answer_shared_handshake",
        .GET,
        "/webhooks/communication/{provider}/installation",
        service: .communication,
        guard: .signature(of: "the installation's message provider"),
        tenancy: Tenancy.none,
        takes: SharedHandshake.self,
        gives: HandshakeAnswer.self,
        audit: .none(because: "gives back what it is asked, to who knows the installation's token"),
        resource: "messages",
        streams: true,
        media: "text/plain",
        errors: [ErrorCode(403, "invalid_verify_token"), ErrorCode(405, "method_not_allowed")],
        summary: "A question of the installation's own provider whether the address for its notices is ours"
    )

    package init() {}

    package var all: [any EndpointDescription] { [receive, receiveShared, handshake, sharedHandshake] }
}

/// What one of the installation's own providers tells by its webhook, as it came.
package struct SharedWebhookPayload: Wire {
    package var provider: String
    /// What it is about, where the provider was given an address for each message.
    package var message: MessageID?
    /// Unread until the provider's signature over it is verified.
    package var body: RawBody

    package init(provider: String, message: MessageID? = nil, body: RawBody) {
        self.provider = provider
        self.message = message
        self.body = body
    }

    package static var limits: [Limit] { [.length(CodingKeys.provider, 1...WebhookPayload.longestProvider)] }
}
