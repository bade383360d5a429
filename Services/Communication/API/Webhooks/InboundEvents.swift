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
    /// The number that the text says and nothing else, where it may answer a list to choose from.
    package var choice: Int?
    /// What the last message to the sender was about, where that is an appointment.
    package var appointmentId: AppointmentID?
    /// Whose address or number it is; families share theirs.
    package var patientIds: [PatientID]?
    package var receivedAt: Instant

    package init(
        id: InboundMessageID,
        conversationId: ConversationID,
        channel: MessageChannel,
        command: String?,
        choice: Int? = nil,
        appointmentId: AppointmentID?,
        patientIds: [PatientID]? = nil,
        receivedAt: Instant
    ) {
        self.id = id
        self.conversationId = conversationId
        self.channel = channel
        self.command = command
        self.choice = choice
        self.appointmentId = appointmentId
        self.patientIds = patientIds
        self.receivedAt = receivedAt
    }
}
