package import Contracts
package import Core

/// A message's public state: ids and classes, nobody's name or address and no text.
package struct MessageState: Wire, Hashable {
    package var id: MessageID
    package var status: MessageStatus
    package var channel: MessageChannel?
    package var provider: String?
    package var template: String?
    package var category: MessageCategory
    package var priority: MessagePriority
    package var patientId: PatientID?
    /// The code of what went wrong, where something did.
    package var reason: String?
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: MessageID,
        status: MessageStatus,
        channel: MessageChannel?,
        provider: String?,
        template: String?,
        category: MessageCategory,
        priority: MessagePriority,
        patientId: PatientID?,
        reason: String?,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.status = status
        self.channel = channel
        self.provider = provider
        self.template = template
        self.category = category
        self.priority = priority
        self.patientId = patientId
        self.reason = reason
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// A provider has accepted the message.
package struct MessageSent: EventPayload, Hashable {
    package static var kind: String { "message.sent" }
    package static var category: EventCategory { .communication }
    package static var topic: ServiceName { .communication }

    package var message: MessageState

    package init(message: MessageState) { self.message = message }
}

/// The message will not be sent: failed, expired, suppressed or cancelled.
package struct MessageFailed: EventPayload, Hashable {
    package static var kind: String { "message.failed" }
    package static var category: EventCategory { .communication }
    package static var topic: ServiceName { .communication }

    package var message: MessageState

    package init(message: MessageState) { self.message = message }
}

/// Whether the message arrived cannot be known; it is not sent again.
package struct MessageUnknown: EventPayload, Hashable {
    package static var kind: String { "message.unknown" }
    package static var category: EventCategory { .communication }
    package static var topic: ServiceName { .communication }

    package var message: MessageState

    package init(message: MessageState) { self.message = message }
}
