package import Contracts
package import Core

/// Somebody has written to the clinic: ids and what they ask for, no address and no text.
package struct InboundMessageReceived: EventPayload, Hashable {
    package static var kind: String { "message.received" }
    package static var category: EventCategory { .communication }
    package static var topic: ServiceName { .communication }

    package var id: InboundMessageID
    package var conversationId: ConversationID
    package var channel: MessageChannel
    /// `confirm`, `cancel`, `reschedule`, `yes`, `no`, `stop`, `start` or `help`, where the text says nothing else.
    package var command: String?
    /// What the last message to the sender was about, where that is an appointment.
    package var appointmentId: AppointmentID?
    package var receivedAt: Instant

    package init(
        id: InboundMessageID,
        conversationId: ConversationID,
        channel: MessageChannel,
        command: String?,
        appointmentId: AppointmentID?,
        receivedAt: Instant
    ) {
        self.id = id
        self.conversationId = conversationId
        self.channel = channel
        self.command = command
        self.appointmentId = appointmentId
        self.receivedAt = receivedAt
    }
}
